"""The Java client's generated part: services, classes of data, constants, the table of operations, the handlers of pushes."""

from __future__ import annotations

import re
from typing import Optional

from . import words
from .java_text import ERROR_CODE_REST, OPERATION_REST, TIMER
from .model import Field, Model, Operation, Type
from .names import STAMP, snake, upper, wrap
from .surface import Dto, Parameter, Signature, Surface, element

FOLDER = "sdks/java/src/generated/java"
ROOT = "io.downlink"
WIDTH = 140

KEEPING = {
    "getAuthToken": "return getNorthApiClient().logIn();",
    "refreshAuthToken": "return getNorthApiClient().refresh(arInDTO);",
    "logoutAuthToken": "getNorthApiClient().logOut(accessToken);",
}
"""Operations whose tokens the client keeps: it makes the call itself."""

REPEATABLE = {"getAuthToken", "modifyDeviceInfo"}
"""Operations beside the queries that are the same when done twice."""

SIMPLE = {"string": "String", "boolean": "Boolean", "number": "Double", "object": "ObjectNode", "any": "Object"}


def emit(model: Model, surface: Surface) -> dict[str, str]:
    """Every generated file of the Java client."""
    emitter = _Emitter(model, surface)
    emitter.operations()
    emitter.error_codes()
    emitter.constants()
    emitter.service_constant()
    emitter.version()
    emitter.services()
    emitter.dtos()
    emitter.push_handlers()
    return emitter.files


class _Emitter:
    def __init__(self, model: Model, surface: Surface):
        self.model = model
        self.surface = surface
        self.classes = surface.dtos("java")
        self.files: dict[str, str] = {}

    def write(self, package: str, name: str, imports: set[str], body: list[str]) -> None:
        """Adds a file: stamp, package, imports, body."""
        own = f"{ROOT}.{package}."
        needed = sorted(one for one in imports if one.rpartition(".")[0] + "." != own)
        lines = [f"// {STAMP}", f"package {ROOT}.{package};", ""]
        if needed:
            lines += [f"import {one};" for one in needed] + [""]
        path = f"{FOLDER}/{ROOT.replace('.', '/')}/{package.replace('.', '/')}/{name}.java"
        self.files[path] = "\n".join(lines + body) + "\n"

    # The table of operations.

    def operations(self) -> None:
        """`Operation`: method, path and nature of each call."""
        body = _doc("", ["The calls of the contract, under their names there."])
        body += ["public enum Operation {"]
        last = len(self.model.operations) - 1
        for number, operation in enumerate(self.model.operations.values()):
            if number:
                body.append("")
            body += _doc("    ", [f"{operation.summary}. {_section(operation.section)}"])
            flags = ", ".join(str(flag).lower() for flag in (operation.authenticated, operation.idempotent_key, _repeatable(operation)))
            end = ";" if number == last else ","
            body.append(f'    {_constant(operation.id)}("{operation.id}", "{operation.method}",')
            body.append(f'        "{operation.path}", {flags}){end}')
        body += OPERATION_REST.splitlines()
        self.write("client", "Operation", set(), body)

    # Constants.

    def error_codes(self) -> None:
        """`ErrorCode`: what is known of each code."""
        body = _doc("", ["The error codes of the contract: what {@code getError_code()} of an exception may say."])
        body += ["public enum ErrorCode {"]
        codes = list(self.model.codes.values())
        for number, code in enumerate(codes):
            if number:
                body.append("")
            body += _doc("    ", [_text(f"{code.meaning} {code.remedy}")])
            flags = f"{str(code.retryable).lower()}, {str(code.surely_harmless).lower()}"
            end = ";" if number == len(codes) - 1 else ","
            body.append(f'    {_constant(code.name)}("{code.number}", {_literal(code.text)}, {flags}){end}')
        body += ERROR_CODE_REST.splitlines()
        self.write("constant", "ErrorCode", {"java.util.Optional"}, body)

    def constants(self) -> None:
        """A class of texts for each enumeration."""
        for schema in self.model.schemas.values():
            if schema.kind != "enum":
                continue
            body = _doc("", [_text(schema.doc), "Members of the classes of data are plain texts, as they were; these are their values."])
            body += [f"public final class {schema.name} {{"]
            for value in schema.values:
                body += _doc("    ", [_text(schema.value_docs.get(value, value))])
                body += [f'    public static final String {_constant(value)} = "{value}";', ""]
            body += [f"    private {schema.name}() {{", "    }", "}"]
            self.write("constant", schema.name, set(), body)

    def service_constant(self) -> None:
        """`ServiceConstant`: what `notifyType` says."""
        body = _doc("", ["The values of {@code notifyType} in pushes."]) + ["public final class ServiceConstant {"]
        for push in self.model.pushes.values():
            if push.notify_type:
                body += _doc("    ", [_text(f"{push.summary}. {_section(push.section)}")])
                body += [f'    public static final String {_constant(push.notify_type)} = "{push.notify_type}";', ""]
        body += ["    private ServiceConstant() {", "    }", "}"]
        self.write("constant", "ServiceConstant", set(), body)

    def version(self) -> None:
        """`Version`: that of the document."""
        body = _doc("", ["The version of the interface that this client was made for."])
        body += ["final class Version {", f'    static final String VERSION = "{self.model.version}";', ""]
        body += ["    private Version() {", "    }", "}"]
        self.write("client", "Version", set(), body)

    # Services.

    def services(self) -> None:
        """A class for each service."""
        services: dict[str, list[Signature]] = {}
        for signature in self.surface.signatures("java"):
            services.setdefault(signature.service, []).append(signature)
        for name, signatures in services.items():
            self._service(name, signatures)

    def _service(self, name: str, signatures: list[Signature]) -> None:
        imports = {f"{ROOT}.client.{one}" for one in ("ClientService", "NorthApiClient", "NorthApiException")}
        if any(signature.operation not in KEEPING for signature in signatures):
            imports.add(f"{ROOT}.client.Operation")
        body = _doc("", [
            f"The operations of {{@code {name}}}.",
            "An {@code appId} of null means the caller's own application, and an {@code accessToken} of null the token that"
            " {@link Authentication#startRefreshTokenTimer} keeps. Instances may be shared by threads.",
        ])
        body += [f"public class {name} extends ClientService {{"]
        body += _doc("    ", ["Uses {@link io.downlink.client.DefaultNorthApiClient#getDefaultApiClient()}."])
        body += [f"    public {name}() {{", "    }", ""]
        body += _doc("    ", ["Uses this client.", "@param northApiClient whom to call, and as whom"])
        body += [f"    public {name}(NorthApiClient northApiClient) {{", "        super(northApiClient);", "    }"]
        for signature in signatures:
            body.append("")
            body += self._method(signature, imports)
        if name == "Authentication":
            body += TIMER.splitlines()
        body.append("}")
        self.write("client.invokeapi", name, imports, body)

    def _method(self, signature: Signature, imports: set[str]) -> list[str]:
        operation = self.model.operations[signature.operation]
        for kind in [one.type for one in signature.parameters] + [signature.result]:
            imports.update(_imports(kind, self.classes))
        declared = ", ".join(f"{one.type or 'String'} {one.name}" for one in signature.parameters)
        lines = _doc("    ", self._method_words(signature, operation))
        if signature.deprecated:
            lines.append("    @Deprecated")
        head = f"    public {signature.result or 'void'} {signature.name}({declared})"
        if len(head) > WIDTH:
            lines += [head[:head.index("(") + 1], f"            {declared})", "            throws NorthApiException {"]
        elif len(head) > 110:
            lines += [head, "            throws NorthApiException {"]
        else:
            lines.append(head + " throws NorthApiException {")
        lines += self._call(signature, operation)
        return lines + ["    }"]

    def _method_words(self, signature: Signature, operation: Operation) -> list[str]:
        said = [f"{_text(operation.summary)}. {_section(operation.section)}", _text(_unsectioned(operation.doc))]
        if operation.idempotent_key:
            said.append("It carries an {@code Idempotency-Key}, so that repeating it within a day does nothing twice; see"
                        " {@link NorthApiClient#setIdempotencyKeys}.")
        if signature.ours:
            said.append("The name is of our own making: the vendor's SDK has no such method.")
        said += [f"@param {one.name} {self._parameter_words(one, operation)}" for one in signature.parameters]
        if signature.result:
            said.append("@return the answer")
        said.append("@throws NorthApiException 1003 when the platform cannot be reached, 1004 when its answer cannot be read, 1007 to 1010 for"
                    " what is wrong with the arguments, or with one of these codes:")
        rows = "".join(f"\n<li>{code}: {_text(meaning)}</li>" for code, meaning in words.errors(operation))
        said[-1] += f"\n<ul>{rows}\n</ul>" if rows else ""
        if signature.deprecated:
            said.append(f"@deprecated {self._successor(signature, operation)}")
        return said

    def _successor(self, signature: Signature, operation: Operation) -> str:
        wanted = operation.replaced_by or signature.operation
        for one in self.surface.signatures("java"):
            if one.operation == wanted and not one.deprecated:
                kinds = ", ".join(part.type or "String" for part in one.parameters)
                return f"use {{@link #{one.name}({kinds})}}"
        return "the contract has withdrawn it"

    def _parameter_words(self, parameter: Parameter, operation: Operation) -> str:
        fixed = {
            "appId": "the application whose devices and commands are meant, which must have granted the caller this operation; null = the"
                     " caller's own",
            "accessAppId": "the application whose groups are meant, which must have granted the caller this operation; null = the caller's own",
            "accessToken": "a token of {@link Authentication#getAuthToken()}; null = the one that the refresh timer keeps",
        }
        if parameter.name == "accessToken" and not operation.authenticated:
            return "the token"
        if parameter.name in fixed:
            return fixed[parameter.name]
        for one in operation.path_params + operation.query_params:
            if one.wire == parameter.name:
                null = "null is refused with 1007" if one in operation.path_params else "null = not sent"
                return _text(" ".join([one.doc, *words.limits(one)])) + f" {upper(null)}."
        if self.classes[str(parameter.type)].query and not operation.body:
            needed = [one.wire for one in operation.query_params if one.required]
            return "what is asked for" if needed else "what is asked for; null = everything"
        return "the request"

    def _call(self, signature: Signature, operation: Operation) -> list[str]:
        if operation.id in KEEPING:
            return [f"        {KEEPING[operation.id]}"]
        names = {one.name for one in signature.parameters}
        dto = self.classes[str(signature.dto.type)] if signature.dto else None
        label = signature.dto.name if signature.dto else ""
        lines = [f"request(Operation.{_constant(operation.id)})"]
        taken: set[str] = {"accessToken", label}
        for one in operation.path_params:
            if one.wire in names:
                source = one.wire
                taken.add(one.wire)
            elif dto is not None:
                source = f"{label} == null ? null : {label}.{_getter(one.wire, 'String')}()"
            else:
                raise ValueError(f"surface.json: {signature.name} has no {one.wire}")
            lines.append(f'.path("{one.wire}", {source})')
        if dto is not None and dto.query:
            lines.append(f".queryOf({label})")
        for one in operation.query_params:
            if one.wire in names:
                lines.append(f'.query("{one.wire}", {one.wire})')
                taken.add(one.wire)
        if dto is not None and dto.body:
            member, kind = next(iter(dto.body.items()))
            lines.append(f".body({label} == null ? null : {label}.{_getter(member, kind)}())")
        elif dto is not None and not dto.query:
            lines.append(f".body({label})")
        if names - taken:
            raise ValueError(f"surface.json: {signature.name} has parameters that {operation.id} does not know: {names - taken}")
        if operation.authenticated:
            lines.append(".token(accessToken)")
        result = signature.result
        if result is None:
            lines.append(".send();")
        elif result.startswith("List<"):
            lines.append(f".sendForList({element(result)}.class);")
        else:
            lines.append(f".send({result}.class);")
        first = f"        {'return ' if result else ''}{lines[0]}"
        return [first] + [f"            {one}" for one in lines[1:]]

    # Classes of data.

    def dtos(self) -> None:
        """A class for each DTO."""
        for dto in self.classes.values():
            self._dto(dto)

    def _dto(self, dto: Dto) -> None:
        imports = {"com.fasterxml.jackson.annotation.JsonAutoDetect", "com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility"}
        members = self._members(dto)
        for _, kind, _, _ in members:
            imports.update(_imports(kind, self.classes))
        body = _doc("", self._dto_words(dto))
        body += ["@JsonAutoDetect(fieldVisibility = Visibility.ANY, getterVisibility = Visibility.NONE,",
                 "    isGetterVisibility = Visibility.NONE, setterVisibility = Visibility.NONE)"]
        if dto.deprecated:
            body.append("@Deprecated")
        body += [f"public class {dto.name} {{"]
        fields: list[str] = []
        for wire, kind, member, out_of_body in members:
            if out_of_body:
                imports.add("com.fasterxml.jackson.annotation.JsonIgnore")
                fields.append("    @JsonIgnore")
            fields.append(f"    private {kind} {wire};")
        body += fields + [""]
        body += _doc("    ", ["Makes one without members; null means absent."])
        body += [f"    public {dto.name}() {{", "    }"]
        for wire, kind, member, _ in members:
            body.append("")
            body += self._accessors(dto, wire, kind, member)
        body += [""] + _to_string(dto.name, members) + ["}"]
        self.write("client.dto", dto.name, imports, body)

    def _members(self, dto: Dto) -> list[tuple[str, str, Optional[Field], bool]]:
        """Name, Java type, where it comes from, and whether it stays out of the body."""
        found: list[tuple[str, str, Optional[Field], bool]] = []
        operation = self._operation_of(dto)
        if dto.path and operation is not None:
            found += [(one.wire, "String", one, True) for one in dto.path_fields(self.model, operation)]
        found += [(wire, kind, None, False) for wire, kind in dto.body.items()]
        for member in dto.fields(self.model):
            found.append((member.wire, dto.types.get(member.wire) or self._java_type(member.type, member), member, False))
        found += [(wire, kind, None, False) for wire, kind in dto.extra.items()]
        return found

    def _operation_of(self, dto: Dto) -> Optional[Operation]:
        for signature in self.surface.signatures("java"):
            if signature.dto and signature.dto.type == dto.name:
                return self.model.operations[signature.operation]
        return None

    def _java_type(self, kind: Type, member: Field) -> str:
        if kind.kind == "array":
            assert kind.items is not None
            return f"List<{self._boxed(kind.items)}>"
        if kind.kind == "integer" and kind.format == "int64" and member.required and not member.nullable:
            return "long"
        return self._boxed(kind)

    def _boxed(self, kind: Type) -> str:
        if kind.kind == "integer":
            return "Long" if kind.format == "int64" else "Integer"
        if kind.ref:
            schema = self.model.schemas[kind.ref]
            return self.surface.nested("java", kind.ref) if schema.kind == "object" else "String"
        return SIMPLE[kind.kind]

    def _dto_words(self, dto: Dto) -> list[str]:
        if dto.query:
            needed = [f"{{@code {one.wire}}}" for one in dto.fields(self.model) if one.required]
            but = f" but {', '.join(needed)}" if needed else ""
            said = [f"What {{@code {dto.query}}} is asked for. Every member{but} may be left out."]
        elif dto.schema:
            schema = self.model.schemas[dto.schema]
            said = [_text(schema.doc), f"The members come from the schema {{@code {dto.schema}}} of {{@code openapi.json}}."]
        else:
            said = ["A request with the ids that stand in its address."]
        if dto.deprecated:
            said.append("@deprecated the operations that use it are")
        return said

    def _accessors(self, dto: Dto, wire: str, kind: str, member: Optional[Field]) -> list[str]:
        what = _text(member.doc) if member else "what is to be done." if wire in dto.body else "a member that the platform does not read."
        notes = words.limits(member) if member else []
        request = dto.query or (dto.schema or "").endswith("Request") or dto.path
        if member and not dto.query:
            notes.append(words.requirement(member) if request else words.presence(member))
        said = _text(" ".join([one for one in notes if one]))
        name = upper(wire)
        getter = _getter(wire, kind)
        value = wire
        if wire in dto.either:
            said = f"{said} When the answer lacks it, that of {{@code {dto.either[wire]}}}.".strip()
            value = f"{wire} != null ? {wire} : {dto.either[wire]}"
        described = f"{what} {said}".strip()
        lines = _doc("    ", [described, f"@return {_short(what)}"])
        lines += [f"    public {kind} {getter}() {{", f"        return {value};", "    }", ""]
        lines += _doc("    ", [described, f"@param {wire} {_short(what)}"])
        return lines + [f"    public void set{name}({kind} {wire}) {{", f"        this.{wire} = {wire};", "    }"]

    # Pushes.

    def push_handlers(self) -> None:
        """`PushHandlers`: what an application overrides, and which message goes where."""
        imports = {f"{ROOT}.constant.ServiceConstant"}
        names = self.surface.pushes("java")
        body = _doc("", ["The handlers of {@link PushMessageReceiver}, one for each message that the platform pushes. Each does nothing;"
                         " an application overrides those that it wants."])
        body += ["public abstract class PushHandlers {"]
        body += _doc("    ", ["For {@link PushMessageReceiver}."]) + ["    protected PushHandlers() {", "    }"]
        cases, plain = [], "null"
        for name, push in self.model.pushes.items():
            named = names[name]
            imports.add(f"{ROOT}.client.dto.{named.dto}")
            body.append("")
            body += _doc("    ", [f"{_text(push.summary)}. {_section(push.section)}", _text(_unsectioned(push.doc)),
                                  "@param body the message"])
            body += [f"    public void {named.handler}({named.dto} body) {{", "    }"]
            handler = f"new Handler<>({named.dto}.class, this::{named.handler})"
            if push.notify_type:
                cases.append(f"            case ServiceConstant.{_constant(push.notify_type)}:")
                cases.append(f"                return {handler};")
            else:
                plain = handler
        said = ["Who takes a message.", "@param notifyType what it says of itself, or null", "@return null: nobody knows it"]
        body += [""] + _doc("    ", said)
        body += ["    Handler<?> handler(String notifyType) {", "        if (notifyType == null) {", f"            return {plain};", "        }"]
        body += ["        switch (notifyType) {", *cases, "            default:", "                return null;", "        }", "    }", "}"]
        self.write("client.invokeapi", "PushHandlers", imports, body)


def _repeatable(operation: Operation) -> bool:
    return operation.method == "GET" or operation.id in REPEATABLE


def _constant(name: str) -> str:
    """`queryDeviceCommandV12` becomes `QUERY_DEVICE_COMMAND_V12`; words in capitals stay."""
    return name if name.isupper() else snake(name).upper()


def _getter(wire: str, kind: str) -> str:
    return f"is{upper(wire)}" if kind == "boolean" else f"get{upper(wire)}"


def _imports(kind: Optional[str], classes: dict[str, Dto]) -> set[str]:
    if kind is None:
        return set()
    found = {"java.util.List"} if kind.startswith("List<") else set()
    inner = element(kind)
    if inner in classes:
        found.add(f"{ROOT}.client.dto.{inner}")
    if inner == "ObjectNode":
        found.add("com.fasterxml.jackson.databind.node.ObjectNode")
    return found


def _to_string(name: str, members: list[tuple[str, str, Optional[Field], bool]]) -> list[str]:
    parts = []
    for wire, _, member, _ in members:
        shown = f'({wire} == null ? null : "***")' if member and member.secret else wire
        parts.append(f'"{", " if parts else ""}{wire}=" + {shown}')
    lines = ["    @Override", "    public String toString() {"]
    if not parts:
        return lines + [f'        return "{name} []";', "    }"]
    lines.append(f'        return "{name} ["')
    lines += [f"            + {part}" for part in parts]
    return lines + ['            + "]";', "    }"]


def _doc(indent: str, paragraphs: list[str]) -> list[str]:
    """A comment: paragraphs, then tags. A line break in the text begins a line."""
    lines = [f"{indent}/**"]
    tags = False
    for number, paragraph in enumerate(one for one in paragraphs if one):
        tag = paragraph.startswith("@")
        if number and not (tag and tags):
            lines.append(f"{indent} *")
        opening = "<p>" if number and not tag else ""
        tags = tag
        for part in (opening + paragraph).split("\n"):
            lines += [f"{indent} * {line}" for line in wrap(part, WIDTH - len(indent) - 3)]
    return lines + [f"{indent} */"]


def _text(text: str) -> str:
    """Words of the document as HTML; what stands in back quotes becomes code."""
    parts = re.split(r"`([^`]*)`", text)
    shown = []
    for number, part in enumerate(parts):
        if number % 2 == 0:
            shown.append(part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;"))
        elif part.count("{") == part.count("}"):
            shown.append(f"{{@code {part}}}")
        else:
            shown.append(part)
    return "".join(shown).replace("*/", "*&#47;").replace("\\u", "&#92;u").strip()


def _unsectioned(text: str) -> str:
    return re.sub(r"\s*\[[0-9.]+\]$", "", text)


def _section(number: str) -> str:
    return f"[northbound-api.md, {number}]"


def _short(text: str) -> str:
    """The first sentence, as a tag has it."""
    first = re.split(r"(?<=[a-z0-9)}])[.;](?:\s|$)", text)[0].rstrip(".")
    return first[:1].lower() + first[1:] if first[1:2].islower() else first


def _literal(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
