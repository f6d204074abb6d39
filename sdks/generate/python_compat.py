"""The vendor's Python tree under `downlink.northbound`: data objects, services, addresses and the handlers of callbacks.

Beside what `surface.py` reads, `sdks/surface.json` has for it, under `python`:

* `key_carriers`: classes whose members read as their own names until they are set.
* `accessors.<class>`: further accessors and the member that they are about.
* `plain.<class>`: classes that no operation and no push has, and their members.
* `rest`: names in `RestConstant` that are not the operation's id in capitals.

What is written by hand: `Authentication`, whose calls are about more than one platform, and all that the generated classes are derived from.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Optional

from .model import Field, Model, Operation
from .names import STAMP, snake, upper, wrap
from .surface import Dto, Parameter, Signature, Surface, element

ROOT = "sdks/python/python/downlink/northbound"
OWNED = (f"{ROOT}/client/dto",)
PACKAGE = "downlink.northbound"
WIDTH = 140
HEAD = f"# {STAMP}\n"
BY_HAND = ("Authentication",)
KNOWN = {"getAuthToken", "refreshAuthToken", "logoutAuthToken"}
STAMPS = {"timestamp": "timeStamp", "timeStamp": "timestamp"}


def emit(model: Model, surface: Surface) -> dict[str, str]:
    """Every generated file, by its path."""
    return Emitter(model, surface).files()


class Emitter:
    """Writes one model's files."""

    def __init__(self, model: Model, surface: Surface):
        self.model = model
        self.surface = surface
        self.names = surface.python()
        self.dtos = surface.dtos("python")
        self.signatures = [one for one in surface.signatures("python") if one.service not in BY_HAND]
        strangers = {one.operation for one in surface.signatures("python") if one.service in BY_HAND} - KNOWN
        if strangers:
            raise ValueError(f"{', '.join(BY_HAND)} is written by hand, and lacks {sorted(strangers)}")
        self.pushes = surface.pushes("python")
        self.answers = self._answers()
        self.notifications = {push.dto for push in self.pushes.values()}

    def files(self) -> dict[str, str]:
        dto = f"{ROOT}/client/dto"
        made = {f"{dto}/__init__.py": f'{HEAD}"""The data objects, one module per class."""\n'}
        for name, shape in self.dtos.items():
            made[f"{dto}/{name}.py"] = self._dto(shape)
        for name, members in self.names["plain"].items():
            made[f"{dto}/{name}.py"] = self._plain(name, members)
        for service in dict.fromkeys(one.service for one in self.signatures):
            made[f"{ROOT}/client/invokeapi/{service}.py"] = self._service(service)
        made[f"{ROOT}/constant/RestConstant.py"] = self._rest()
        made[f"{ROOT}/_handlers.py"] = self._handlers()
        return made

    def _answers(self) -> set[str]:
        """Classes of results. A result that is a list is an `Answer`: its elements are data objects."""
        results = (one.result for one in self.surface.signatures("python"))
        return {one for one in results if one is not None and element(one) == one}

    @staticmethod
    def _module(about: str, imports: list[str], *parts: str) -> str:
        """A module. Of what `typing` and the like have, what its text uses is imported."""
        text = "\n\n\n".join(part.strip("\n") for part in parts)
        lines = ["from __future__ import annotations"]
        for module, names in (("collections.abc", ("Mapping",)), ("typing", ("Any", "List", "Optional", "Union"))):
            used = [name for name in names if re.search(r"\bAny\b" if name == "Any" else rf"\b{name}\[", text)]
            lines += ["", f"from {module} import {', '.join(used)}"] if used else []
        lines = [line for number, line in enumerate(lines) if line or number == 1]
        ours = joined(found for found in imports if re.search(rf"(?<![`\w]){found.split()[-1]}[(),:\]]", text))
        head = "\n".join([f'"""{about}"""', "", *lines, *(["", *ours] if ours else [])])
        gap = "\n\n" if text.startswith("class") else "\n"
        return f"{HEAD}{head}\n{gap}{text}\n"

    # Data objects

    def _dto(self, shape: Dto) -> str:
        fields = shape.fields(self.model)
        inner = {one.wire: self._inner(shape, one) for one in fields}
        used = sorted({name for name in inner.values() if name})
        lines = [f"class {shape.name}({self._base(shape.name)}):", *doc(self._about(shape), 4), ""]
        for one in fields:
            lines += self._attribute(shape, one, inner[one.wire])
        for name in self._extra(shape):
            lines += [f"    {name}: Any = None", *doc("The vendor's member; the platform ignores it.", 4)]
        lines += self._tables(shape, fields, inner)
        for one in fields:
            name = attribute(shape, one)
            lines += accessors(name, self._type(shape, one, inner[one.wire]), one.wire)
            lines += self._second_stamp(fields, one)
        for name in self._extra(shape):
            lines += accessors(name, "Any", name)
        for accessor, name in self.names["accessors"].get(shape.name, {}).items():
            lines += odd_accessor(accessor, name)
        return self._module(f"`{shape.name}`.", imports(used), "\n".join(lines))

    def _extra(self, shape: Dto) -> list[str]:
        """Members that only this layer has: those that fill path variables, and those that the server does not know."""
        return [*shape.path, *shape.extra]

    def _base(self, name: str) -> str:
        if name in self.answers:
            return "Answer"
        if name in self.notifications:
            return "Notification"
        return "KeyCarrier" if name in self.names["key_carriers"] else "Dto"

    def _about(self, shape: Dto) -> str:
        if shape.query:
            about = f"What `{shape.query}` is asked for. Members that are None are left out of the query."
        else:
            about = self.model.schemas[str(shape.schema)].doc
        if shape.name in self.answers:
            return f"{about} This is the answer's text, with these members."
        if shape.name in self.names["key_carriers"]:
            return f"{about} A member that is not set reads as its name on the wire, and is not sent."
        return about

    def _inner(self, shape: Dto, one: Field) -> Optional[str]:
        """The class of a nested member, or of its elements."""
        override = shape.types.get(one.wire)
        if override is not None:
            return override if override in self.dtos else None
        target = one.type.items or one.type
        if target.ref and self.model.schemas[target.ref].kind == "object":
            return self.surface.nested("python", target.ref)
        return None

    def _attribute(self, shape: Dto, one: Field, inner: Optional[str]) -> list[str]:
        name, base = attribute(shape, one), self._base(shape.name)
        kind = self._type(shape, one, inner)
        if base == "Answer":
            value = "member()"
        elif base == "Notification":
            value = f"nested({inner})" if inner and one.required else "None"
        elif inner and one.type.kind == "ref":
            kind, value = "Any", f"nested({inner})"
        elif base == "KeyCarrier":
            kind, value = ("Any" if inner else kind), quoted(one.wire)
        else:
            value = "None"
        about = describe(one)
        if inner and base in ("Dto", "KeyCarrier"):
            about += f" A {inner} or a dict." if one.type.kind == "ref" else f" A list; each is a {inner} or a dict."
        return [f"    {name}: {kind} = {value}", *doc(about, 4)]

    def _type(self, shape: Dto, one: Field, inner: Optional[str]) -> str:
        given = self._base(shape.name) in ("Dto", "KeyCarrier")
        if one.type.kind == "array":
            return "Any" if given else f"Optional[List[{inner or python(one.type.items.kind if one.type.items else 'any')}]]"
        if inner:
            sure = self._base(shape.name) == "Notification" and one.required
            return "Any" if given else str(inner) if sure else f"Optional[{inner}]"
        if one.type.kind in ("object", "any") or shape.types.get(one.wire):
            return "Any"
        return f"Union[{python(one.type.kind)}, str, None]" if given and one.type.kind in ("integer", "boolean", "number") else (
            f"Optional[{python(one.type.kind)}]"
        )

    def _tables(self, shape: Dto, fields: Iterable[Field], inner: dict[str, Optional[str]]) -> list[str]:
        names = {attribute(shape, one): one.wire for one in fields}
        names.update({name: name for name in self._extra(shape)})
        kinds = {attribute(shape, one): inner[one.wire] for one in fields if inner[one.wire]}
        also = {attribute(shape, one): STAMPS[one.wire] for one in fields if one.wire in STAMPS}
        secret = sorted(attribute(shape, one) for one in fields if one.secret)
        lines = ["", *table("_members", {name: quoted(wire) for name, wire in names.items()})]
        if kinds:
            lines += table("_nested", {name: str(kind) for name, kind in kinds.items()})
        if also:
            lines += table("_also", {name: quoted(wire) for name, wire in also.items()})
        if secret:
            lines.append(f"    _secret = frozenset({{{', '.join(map(quoted, secret))}}})")
        return lines

    def _second_stamp(self, fields: Iterable[Field], one: Field) -> list[str]:
        """`getTimeStamp` beside `getTimestamp`: one SDK had the one, the other the other."""
        other = STAMPS.get(one.wire)
        if other is None or any(field.wire == other for field in fields):
            return []
        return accessors(one.wire, "Optional[str]", one.wire, label=other)

    def _plain(self, name: str, members: list[str]) -> str:
        secret = sorted(set(members) & {"secret", "selfCertPwd", "trustCAPwd", "psk"})
        lines = [f"class {name}(Dto):", *doc(self.names["plain_docs"][name], 4), ""]
        lines += [f"    {member}: Any = None" for member in members]
        lines += ["", *table("_members", {member: quoted(member) for member in members})]
        if secret:
            lines.append(f"    _secret = frozenset({{{', '.join(map(quoted, secret))}}})")
        for member in members:
            lines += accessors(member, "Any", member)
        return self._module(f"`{name}`.", imports(()), "\n".join(lines))

    # Services

    def _service(self, service: str) -> str:
        methods = [one for one in self.signatures if one.service == service]
        used = {one.dto.type for one in methods if one.dto} | {one.result for one in methods if one.result in self.answers}
        lines = [f"class {service}(Service):"]
        about = "Every method returns the answer's text. How this differs from the vendor's class is in `docs/migration.md`."
        lines += doc(f"The operations of {service}. {about}", 4)
        for one in methods:
            lines += ["", *self._method(one)]
        return self._module(f"`{service}`.", imports(map(str, used)), "\n".join(lines))

    def _method(self, one: Signature) -> list[str]:
        operation = self.model.operations[one.operation]
        result = one.result if one.result in self.answers else "Answer"
        parameters = [f"        {each.name}: {self._parameter_type(operation, each)}," for each in one.parameters]
        lines = [f"    def {one.name}(", "        self: object,", *parameters, f"    ) -> {result}:"]
        lines += doc(self._method_doc(one, operation), 8)
        return lines + self._method_body(one, operation, result)

    @staticmethod
    def _parameter_type(operation: Operation, one: Parameter) -> str:
        if one.type is not None:
            return f"Union[{one.type}, Mapping[str, Any], None]"
        if any(variable.wire == one.name for variable in operation.path_params):
            return "str"
        query = next((each for each in operation.query_params if each.wire == one.name), None)
        if query is not None and query.type.kind != "string":
            return f"Union[{python(query.type.kind)}, str, None]"
        return "Optional[str]"

    def _method_body(self, one: Signature, operation: Operation, result: str) -> list[str]:
        names = [each.name for each in one.parameters]
        dto = one.dto.name if one.dto else None
        lines = [f"        given = members({dto})"] if dto else []
        inside = self.dtos[str(one.dto.type)].path if one.dto else ()
        variables = {each.wire: variable(each.wire, names) for each in operation.path_params}
        query = {each.wire: variable(each.wire, names) for each in operation.query_params if each.wire in (*names, *inside)}
        if dto and not operation.body:
            lines += [f"        given.pop({quoted(name)}, None)" for name in variables if name in names]
        call = [f"            {quoted(one.operation)},", f"            {result},"]
        call.append("            accessToken," if "accessToken" in names else "            None,")
        if variables:
            call.append(f"            variables={{{pairs(variables)}}},")
        if dto and not operation.body:
            call.append(f"            query={{**given, {pairs(query)}}}," if query else "            query=given,")
        elif query:
            call.append(f"            query={{{pairs(query)}}},")
        if operation.body:
            call.append("            body=given," if dto else "            body={},")
        return [*lines, "        return perform(", "            self,", *call, "        )"]

    def _method_doc(self, one: Signature, operation: Operation) -> str:
        about = f"{operation.summary}. {operation.doc}"
        if one.ours:
            about += " The vendor's SDK does not have it."
        known = {each.wire: each for each in (*operation.path_params, *operation.query_params)}
        lines = [about, ""]
        lines += [f":param {each.name}: {self._parameter_doc(each, known)}" for each in one.parameters]
        lines += [f":returns: {self._result_doc(one)}", ""]
        lines.append("Refusals, returned as their JSON text, or raised as NorthApiException if the service was made with `raise_errors=True`:")
        lines.append("")
        lines += [f"* {error.code} (status {error.status}) {error.text}" for error in operation.errors if error.sent]
        return "\n".join(lines)

    @staticmethod
    def _parameter_doc(one: Parameter, known: dict[str, Field]) -> str:
        if one.type is not None:
            return f"a {one.type}, or a dict of its members by their names on the wire."
        if one.name == "accessToken":
            return "the token; None is the one that `Authentication.startRefreshTokenTimer` keeps. Without a timer, None sends none (100220)."
        about = describe(known[one.name])
        return f"{about} None is the own application." if one.name in ("appId", "accessAppId") else about

    @staticmethod
    def _result_doc(one: Signature) -> str:
        if one.result is None:
            return "an empty text."
        if element(one.result) != one.result:
            return f"the answer's text, a list; each element has the members of {element(one.result)}."
        return f"the answer's text, which also has the members of {one.result}."

    # Addresses and handlers

    def _rest(self) -> str:
        lines = ["class RestConstant:", *doc("Methods of HTTP and the paths of the contract, for `NorthApiClient.invokeAPI`.", 4), ""]
        for method in ("GET", "POST", "PUT", "DELETE"):
            lines.append(f"    HTTP{method} = {quoted(method)}")
        lines += ['    BASE_URL = "https://"', *doc("What an address begins with; host, port and path follow.", 4)]
        for operation in self.model.operations.values():
            name = self.names["rest"].get(operation.id, snake(operation.id).upper())
            path = operation.path.split("{")[0]
            if operation.method == "GET" and "{" not in operation.path:
                path += "?"
            lines += [f"    {name} = {quoted(path)}", *doc(self._path_doc(operation), 4)]
        return self._module("`RestConstant`.", [], "\n".join(lines))

    @staticmethod
    def _path_doc(operation: Operation) -> str:
        rest = operation.path[operation.path.find("{"):] if "{" in operation.path else ""
        return f"{operation.method}: {operation.summary}." + (f" `{rest}` follows." if rest else "")

    def _handlers(self) -> str:
        named = self.surface.handlers("python")
        sent = {self.model.pushes[name].notify_type or name: push for name, push in self.pushes.items()}
        known = {kind: (handler, sent[kind].dto if kind in sent else "Notification") for kind, handler in named.items()}
        known.update({kind: (push.handler, push.dto) for kind, push in sent.items()})
        lines = ["class Handlers:", *doc("The handlers of `PushMessageReceiver`. None of these does anything.", 4)]
        for kind, (handler, dto) in known.items():
            lines += ["", f"    def {handler}(self, *args: Any, **kwargs: Any) -> Any:", *doc(self._handler_doc(kind, dto), 8)]
        lines += ["", "", "HANDLERS: dict[str, tuple[str, type[Notification]]] = {"]
        lines += [f"    {quoted(kind)}: ({quoted(handler)}, {dto})," for kind, (handler, dto) in known.items()]
        lines += ["}", '"""What `notifyType` says, to the handler and the class that it gets."""']
        dtos = sorted({dto for _, dto in known.values()} - {"Notification"})
        status = 'COMMAND_STATUS = "commandStatus"\n"""Stands for a message without `notifyType`."""'
        return self._module("The handlers that a receiver has.", imports(dtos), status, "\n".join(lines))

    def _handler_doc(self, kind: str, dto: str) -> str:
        push = next((one for one in self.model.pushes.values() if (one.notify_type or one.name) == kind), None)
        if push is None:
            return f"`{kind}`, which this platform does not send yet. Its parameter is a {dto} with the members of the message."
        return f"{push.summary}. {push.doc} Its parameter is a {dto}; it may be defined without one."


def joined(lines: Iterable[str]) -> list[str]:
    """Imports, those from one module in one line."""
    found: dict[str, list[str]] = {}
    for line in lines:
        module, _, name = line.partition(" import ")
        found.setdefault(module, []).append(name)
    return [f"{module} import {', '.join(names)}" for module, names in found.items()]


def imports(dtos: Iterable[str]) -> list[str]:
    """What a generated module may need of this package. Only what it uses is kept."""
    return [
        f"from {PACKAGE}._answer import Answer",
        f"from {PACKAGE}._answer import member",
        f"from {PACKAGE}._calls import Service",
        f"from {PACKAGE}._calls import members",
        f"from {PACKAGE}._calls import perform",
        f"from {PACKAGE}._dto import Dto",
        f"from {PACKAGE}._dto import KeyCarrier",
        f"from {PACKAGE}._dto import nested",
        f"from {PACKAGE}._notification import Notification",
        *(f"from {PACKAGE}.client.dto.{name} import {name}" for name in sorted(dtos)),
    ]


def attribute(shape: Dto, one: Field) -> str:
    """The attribute of a member: its name on the wire, with an underscore where Python keeps that word for itself."""
    name = shape.rename.get(one.wire, one.wire)
    return f"{name}_" if keyword.iskeyword(name) else name


def accessors(name: str, kind: str, wire: str, label: Optional[str] = None) -> list[str]:
    """`getX` and `setX`."""
    label = upper(label or wire)
    return [
        "",
        f"    def get{label}(self) -> {kind}:",
        *doc(f"`{wire}`.", 8),
        f"        return self.{name}",
        "",
        f"    def set{label}(self, {name}: {kind}) -> None:",
        *doc(f"Sets `{wire}`.", 8),
        f"        self.{name} = {name}",
    ]


def odd_accessor(accessor: str, name: str) -> list[str]:
    """An accessor whose name is not its member's."""
    if accessor.startswith("get"):
        return ["", f"    def {accessor}(self) -> Any:", *doc(f"`{name}`, by the vendor's name for this.", 8), f"        return self.{name}"]
    return [
        "",
        f"    def {accessor}(self, {name}: Any) -> None:",
        *doc(f"Sets `{name}`, by the vendor's name for this.", 8),
        f"        self.{name} = {name}",
    ]


def variable(name: str, parameters: list[str]) -> str:
    """A path variable: a parameter, or a member of the data object, which then stays out of the body."""
    return name if name in parameters else f"given.pop({quoted(name)}, None)"


def describe(one: Field) -> str:
    """What a member is, and its limits."""
    about = one.doc.rstrip()
    facts = [limits(one), range_of(one)]
    if one.max_items is not None:
        facts.append(f"at most {one.max_items} elements")
    if one.values:
        facts.append("one of " + ", ".join(one.values))
    if one.time_format:
        facts.append(f"UTC, {one.time_format}")
    if one.default not in (None, {}, []):
        facts.append(f"default {one.default}")
    told = "; ".join(fact for fact in facts if fact)
    return f"{about} ({told})" if told else about


def limits(one: Field) -> str:
    """The length of a text, where its words do not say it."""
    if one.time_format or one.max_length is None or "characters" in one.doc:
        return ""
    least = one.min_length or 0
    return f"{least} to {one.max_length} characters" if least else f"up to {one.max_length} characters"


def range_of(one: Field) -> str:
    """The bounds and the unit of a number."""
    whole = one.maximum in (None, 2147483647)
    bounds = "" if one.minimum is None else f"{one.minimum} or more" if whole else f"{one.minimum} to {one.maximum}"
    return " ".join(filter(None, (bounds, one.unit)))


def python(kind: str) -> str:
    """A type of JSON as Python has it."""
    return {"string": "str", "ref": "str", "integer": "int", "boolean": "bool", "number": "float"}.get(kind, "Any")


def table(name: str, entries: dict[str, str]) -> list[str]:
    """A dict in the body of a class."""
    return [f"    {name} = {{", *(f"        {quoted(key)}: {value}," for key, value in entries.items()), "    }"]


def pairs(entries: dict[str, str]) -> str:
    """The inside of a dict, in one line."""
    return ", ".join(f"{quoted(key)}: {value}" for key, value in entries.items())


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def folded(paragraph: str, width: int) -> list[str]:
    """A paragraph in lines; those of a parameter or of an item of a list hang."""
    hang = "    " if paragraph.startswith(":") else "  " if paragraph.startswith("* ") else ""
    first, *rest = wrap(paragraph, width - len(hang)) or [""]
    return [first, *(hang + line for line in rest)]


def doc(text: str, indent: int) -> list[str]:
    """A documentation string; paragraphs and list items keep their lines."""
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = [line for paragraph in text.split("\n") for line in folded(paragraph, WIDTH - indent)]
    lines[0] = f'"""{lines[0]}'
    if len(lines) == 1 and len(lines[0]) <= WIDTH - indent - 3 and not lines[0].endswith('"'):
        lines[0] += '"""'
    else:
        lines.append('"""')
    return [f"{' ' * indent}{line}".rstrip() for line in lines]
