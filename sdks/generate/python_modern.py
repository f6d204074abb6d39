"""The face of the Python client for new programs: `downlink._generated`.

| file | holds |
|---|---|
| `codes.py` | `ErrorCode`: every code, with what it says of the request |
| `types.py` | words and objects of requests, answers and callbacks |
| `operations.py` | the methods of `Client` |
| `aio.py` | the methods of `AsyncClient` |

A method has the operation's id in snake case. Its arguments are the variables of the path, then the members of the body, those that must be
there first; what may be left out goes by name, and so do the keys of the query. An operation with pages has an iterator beside it, `iter_…`.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import Optional

from .model import Code, Field, Model, Operation, Schema, Type
from .names import STAMP, snake, wrap
from .surface import Surface

FOLDER = "sdks/python/python/downlink/_generated"

WIDTH = 140

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "Json", "array": "list[Any]", "any": "Any"}
"""Annotations of JSON's own types."""

KINDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict", "array": "list"}
"""How `Member` names them."""

PAGE_SIZE = 100
"""What an iterator asks for at once, if the caller does not say."""


def emit(model: Model, surface: Surface) -> dict[str, str]:
    """The files."""
    del surface
    return {
        f"{FOLDER}/__init__.py": f"# {STAMP}\n" + '"""Made from openapi.json."""\n',
        f"{FOLDER}/codes.py": _codes(model),
        f"{FOLDER}/types.py": _types(model),
        f"{FOLDER}/operations.py": _operations(model, asynchronous=False),
        f"{FOLDER}/aio.py": _operations(model, asynchronous=True),
    }


def python_name(wire: str) -> str:
    """`callbackURL` is `callback_url`, `from` is `from_`, `list` is `list_`."""
    name = snake(wire)
    return f"{name}_" if keyword.iskeyword(name) or name in ("dict", "list") else name


def _constant(name: str) -> str:
    return snake(name).upper()


def _head(text: str, imports: list[str]) -> list[str]:
    return [f"# {STAMP}", *_doc(text, ""), "", "from __future__ import annotations", "", *imports]


def _doc(text: str, indent: str) -> list[str]:
    """A docstring. Paragraphs stay apart, and so do lines that begin with blanks."""
    lines: list[str] = []
    for paragraph in text.strip("\n").split("\n"):
        inner = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        # What is indented is an entry of a list: its further lines stand further in.
        wrapped = wrap(paragraph.strip(), WIDTH - len(indent) - len(inner) - 4)
        lines += [inner + ("    " if inner and at else "") + line for at, line in enumerate(wrapped)] or [""]
    escaped = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in lines]
    if len(escaped) == 1 and len(indent) + len(escaped[0]) + 6 <= WIDTH:
        return [f'{indent}"""{escaped[0]}"""']
    escaped[0] = f'"""{escaped[0]}'
    return [f"{indent}{line}".rstrip() for line in escaped] + [f'{indent}"""']


# Error codes.


def _codes(model: Model) -> str:
    lines = _head("The error codes of the contract.", ["from typing import NamedTuple, Optional", "", "from .._data import Word", ""])
    lines += ["", "class Facts(NamedTuple):", *_doc("What a code says of the request that got it.", "    "), ""]
    for name, kind, doc in (
        ("text", "str", "`error_desc`, verbatim."),
        ("meaning", "str", "What it says, in our words."),
        ("remedy", "str", "What to do."),
        ("retryable", "bool", "Whether the same call may succeed later."),
        ("surely_harmless", "bool", "Whether it is certain that nothing was done, and that no byte left for the device."),
        ("status", "int", "The HTTP status of the contract's own table."),
    ):
        lines += [f"    {name}: {kind}", *_doc(doc, "    ")]
    lines += ["", "", "class ErrorCode(Word):"]
    lines += _doc("Every code, by its number. docs/errors has a page for each. A number that is not here is taken as it is.", "    ")
    for code in model.codes.values():
        lines += ["", f'    {_constant(code.name)} = "{code.number}"', *_doc(f"{code.text} {_sentence(code)}", "    ")]
    lines += ["", "    @property", "    def facts(self) -> Optional[Facts]:"]
    lines += [*_doc("What the code says; None for one that this version does not know.", "    " * 2), "        return _FACTS.get(self)", "", ""]
    lines += ["_FACTS: dict[ErrorCode, Facts] = {"]
    for code in model.codes.values():
        lines += [f"    ErrorCode.{_constant(code.name)}: Facts("]
        lines += [f"        {value!r}," for value in (code.text, code.meaning, code.remedy, code.retryable, code.surely_harmless, code.status)]
        lines += ["    ),"]
    return _file([*lines, "}", "", '__all__ = ["ErrorCode", "Facts"]'])


def _sentence(code: Code) -> str:
    harmless = "nothing was done" if code.surely_harmless else "it may have been done"
    later = "may succeed later" if code.retryable else "not to be repeated as it is"
    return f"({later}; {harmless}) {code.meaning}"


# Types.


@dataclass(frozen=True)
class _Member:
    """A member of a class, or an argument of a method."""

    field: Field
    name: str
    annotation: str
    """Without `Optional`."""
    kind: str
    """The arguments of `Member` after its names."""
    optional: bool
    """It may be None."""
    default: Optional[str]
    """None: it must be given."""

    @property
    def typed(self) -> str:
        return f"Optional[{self.annotation}]" if self.optional else self.annotation

    @property
    def declared(self) -> str:
        """As an argument of a function."""
        return f"{self.name}: {self.typed}" + (f" = {self.default}" if self.default is not None else "")


def _member(model: Model, member: Field) -> _Member:
    target = member.type.items if member.type.items else member.type
    annotation, kind = PLAIN[target.kind] if target.kind != "ref" else "", KINDS.get(target.kind)
    if target.ref is not None:
        schema = model.schemas[target.ref]
        annotation = kind = target.ref if schema.kind != "text" else _text(schema)
    elif member.time_format:
        annotation = kind = "datetime"
    arguments = [kind] if kind else []
    if member.type.items:
        annotation = f"list[{annotation}]"
        arguments.append("many=True")
    optional = member.nullable or not member.required
    default = "None" if optional else None
    constant = member.const if member.const is not None else member.values[0] if len(member.values) == 1 else None
    if constant is not None and not target.ref:
        default = f'"{constant}"'
    if not optional and default is None:
        arguments.append("required=True")
    return _Member(member, python_name(member.wire), annotation, ", ".join(arguments), optional, default)


def _text(schema: Schema) -> str:
    return "datetime" if schema.raw.get("x-format") else "str"


def members(model: Model, schema: Schema) -> list[_Member]:
    """The members of a class: those that must be given, then the others, each in the document's order."""
    found = [_member(model, one) for one in schema.fields]
    return [one for one in found if one.default is None] + [one for one in found if one.default is not None]


def _types(model: Model) -> str:
    lines = _head("Words and objects of the contract.", [
        "from dataclasses import dataclass, field",
        "from datetime import datetime",
        "from typing import Any, ClassVar, Optional",
        "",
        "from .._data import Data, Json, Member, Word",
        "",
    ])
    named = [schema for schema in _ordered(model) if schema.kind != "text"]
    for schema in named:
        lines += ["", *(_words(schema) if schema.kind == "enum" else _class(model, schema)), ""]
    lines += ["CALLBACKS: dict[str, type[Data]] = {"]
    lines += [f'    "{push.notify_type or "status"}": {push.schema},' for push in model.pushes.values()]
    lines += ["}", *_doc("The classes of callbacks, by `notifyType`; `status` for those of commands, which have none.", ""), ""]
    lines += ["__all__ = [", *(f'    "{name}",' for name in sorted(schema.name for schema in named)), "]"]
    return _file(lines)


def _ordered(model: Model) -> list[Schema]:
    """Every schema after those that it is made of."""
    done: dict[str, Schema] = {}

    def visit(schema: Schema) -> None:
        if schema.name in done:
            return
        for member in schema.fields:
            target = member.type.items if member.type.items else member.type
            if target.ref:
                visit(model.schemas[target.ref])
        done[schema.name] = schema

    for schema in model.schemas.values():
        visit(schema)
    return list(done.values())


def _words(schema: Schema) -> list[str]:
    lines = [f"class {schema.name}(Word):", *_doc(schema.doc, "    ")]
    for word in schema.values:
        lines += ["", f'    {_constant(word) if not word.isupper() else word} = "{word}"']
        if word in schema.value_docs:
            lines += _doc(schema.value_docs[word], "    ")
    return lines


def _class(model: Model, schema: Schema) -> list[str]:
    found = members(model, schema)
    lines = ["@dataclass", f"class {schema.name}(Data):", *_doc(schema.doc, "    "), ""]
    for one in found:
        default = f" = {one.default}" if one.default is not None else ""
        if one.field.secret:
            default = f" = field({'default=None, ' if one.optional else ''}repr=False)"
        lines += [f"    {one.name}: {one.typed}{default}", *_doc(explained(one.field), "    ")]
    lines += ["", "    _MEMBERS: ClassVar[tuple[Member, ...]] = ("]
    for one in sorted(found, key=lambda one: schema.fields.index(one.field)):
        arguments = f", {one.kind}" if one.kind else ""
        lines.append(f'        Member("{one.field.wire}", "{one.name}"{arguments}),')
    return [*lines, "    )"]


def explained(member: Field) -> str:
    """What the document says of a member: in words, then its bounds."""
    facts = []
    if member.time_format:
        facts.append("in whole seconds")
    elif member.min_length is not None and member.min_length == member.max_length:
        facts.append(f"{member.max_length} characters")
    elif member.max_length is not None:
        facts.append(f"{member.min_length or 0} to {member.max_length} characters")
    if member.minimum is not None and member.maximum is not None:
        facts.append(f"{member.minimum} to {member.maximum}")
    if member.max_items is not None:
        facts.append(f"at most {member.max_items} elements")
    if member.pattern and not member.time_format and len(member.pattern) <= 40:
        facts.append(f"`{member.pattern}`")
    if member.unit:
        facts.append(f"in {member.unit}")
    words = member.values or member.known_values
    if words and member.type.kind != "ref":
        facts.append("one of " + ", ".join(f"`{word}`" for word in words))
    if member.default is not None:
        facts.append(f"{_json(member.default)} if not given")
    if member.const is not None:
        facts.append(f"always `{member.const}`")
    doc = member.doc.strip() or f"`{member.wire}`."
    # What the words say already is not said twice.
    new = [fact for fact in facts if _bare(fact) not in _bare(doc)]
    return f"{doc} ({'; '.join(new)})" if new else doc


def _bare(text: str) -> str:
    """Letters and digits alone, without the words that vary."""
    return re.sub(r"[^0-9a-z]|always|^in ", "", text.lower())


def _json(value: object) -> str:
    return {True: "true", False: "false"}.get(value, f"{value}") if isinstance(value, bool) else f"{value}"


# Methods.


@dataclass(frozen=True)
class _Method:
    """A method of a client."""

    operation: Operation
    path: list[_Member]
    body: list[_Member]
    query: list[_Member]

    @property
    def first(self) -> list[_Member]:
        """Arguments that may go by place."""
        return self.path + [one for one in self.body if one.default is None]

    @property
    def named(self) -> list[_Member]:
        """Arguments that go by name. A body's constant is none."""
        return [one for one in self.body if one.default is not None and one.optional] + self.query

    @property
    def answer(self) -> str:
        name = self.operation.success
        if name is None:
            return "None"
        return f"list[types.{name}]" if self.operation.success_list else f"types.{name}"


def _method(model: Model, operation: Operation) -> _Method:
    """Login, refresh and logout are about the client's own token: they take nothing."""
    if not operation.authenticated:
        return _Method(operation, [], [], [])
    body = members(model, model.schemas[operation.body]) if operation.body else []
    query = [_member(model, one) for one in operation.query_params]
    taken = {one.name for one in body}
    path = [_member(model, one) for one in operation.path_params]
    clashes = taken & {one.name for one in path + query}
    if clashes:
        raise ValueError(f"{operation.id}: {', '.join(sorted(clashes))} is in the body and in the address")
    return _Method(operation, path, body, query)


def _operations(model: Model, asynchronous: bool) -> str:
    kind = "AsyncOperations" if asynchronous else "Operations"
    pager = "AsyncPager" if asynchronous else "Pager"
    lines = _head(f"The methods of `{'AsyncClient' if asynchronous else 'Client'}`, one for each operation.", [
        "from datetime import datetime",
        "from typing import Any, Optional",
        "",
        "from . import types",
        "from .._call import Call, Key",
        "from .._data import Json",
        f"from .._pages import {pager}",
        "",
    ])
    lines += ["", f"class {kind}:", *_doc("The operations of the contract, under its names.", "    "), ""]
    lines += [f"    {'async ' if asynchronous else ''}def _carry_out(self, call: Call[Any]) -> Any:", "        raise NotImplementedError"]
    for operation in model.operations.values():
        method = _method(model, operation)
        lines += ["", *_function(model, method, asynchronous)]
        if _pages(model, operation):
            lines += ["", *_iterator(model, method, pager)]
    return _file(lines)


def _signature(name: str, arguments: list[str], answer: str) -> list[str]:
    short = f"    {name}({', '.join(arguments)}) -> {answer}:"
    if len(short) <= WIDTH:
        return [short]
    return [f"    {name}(", *(f"        {one}," for one in arguments), f"    ) -> {answer}:"]


def _function(model: Model, method: _Method, asynchronous: bool) -> list[str]:
    operation = method.operation
    name, await_ = ("async def", "await ") if asynchronous else ("def", "")
    first = ["self", *(_qualified(one.declared) for one in method.first)]
    named = [_qualified(one.declared) for one in method.named] + (["idempotency_key: Key = None"] if operation.idempotent_key else [])
    lines = _signature(f"{name} {snake(operation.id)}", first + (["*", *named] if named else []), method.answer)
    lines += _doc(_documented(model, method), " " * 8)
    carried = [f'"{operation.id}"']
    if method.path:
        carried.append(f"variables=({', '.join(one.name for one in method.path)},)")
    if method.query:
        pairs = (f'("{one.field.wire}", {one.name})' for one in method.query)
        carried.append(_call("query=", [*pairs, ""], 12))
    if method.body:
        given = [f"{one.name}={one.name}" for one in method.body if one.default is None or one.optional]
        carried.append(_call(f"body=types.{operation.body}", given, 12))
    if operation.success:
        carried.append(f"answer=types.{operation.success}")
    if operation.success_list:
        carried.append("many=True")
    if operation.idempotent_key:
        carried.append("key=idempotency_key")
    call = _call("Call", carried, 8)
    if operation.success is None:
        return [*lines, f"        {await_}self._carry_out({call})"]
    return [*lines, f"        answer: {method.answer} = {await_}self._carry_out({call})", "        return answer"]


def _call(name: str, arguments: list[str], indent: int) -> str:
    """A call on one line, or with a line for each argument. A last empty argument is a tuple's comma."""
    short = f"{name}({', '.join(arguments)})".replace(", )", ",)")
    if indent + len(short) <= WIDTH - 50 and "\n" not in short:
        return short
    return f"{name}(\n" + "".join(f"{' ' * (indent + 4)}{one},\n" for one in arguments if one) + f"{' ' * indent})"


def _qualified(declared: str) -> str:
    """Classes of data stand in `types`."""
    plain = {"Optional", "Key", "Json", "Any", "None", "True", "False"}
    name, colon, rest = declared.partition(": ")
    return name + colon + re.sub(r"(?<![\w\".])([A-Z]\w*)", lambda match: match[0] if match[0] in plain else f"types.{match[0]}", rest)


def _documented(model: Model, method: _Method) -> str:
    operation = method.operation
    lines = [_full_stop(operation.summary)]
    if operation.deprecated:
        lines += ["", f"The platform answers it for programs of 2017; new ones use `{snake(operation.replaced_by or '')}`."]
    if not operation.authenticated:
        lines += ["", "It is about the token that the calls of this client share. None of them needs it: they see to their token themselves."]
    elif operation.doc:
        lines += ["", operation.doc]
    arguments = [(one.name, explained(one.field)) for one in method.first + method.named]
    if operation.idempotent_key:
        doc = "The same call under the same key is carried out once within 24 hours; a random one if not given, none if False."
        arguments.append(("idempotency_key", doc))
    if arguments:
        lines += ["", "Args:", *(f"    {name}: {doc}" for name, doc in arguments)]
    sent = [one for one in operation.errors if one.sent]
    if sent:
        lines += ["", "Raises:", "    ContractError: with one of these codes, of which `ErrorCode` says more:"]
        lines += [f"        {one.code} {_full_stop(one.text)}{_marks(model.codes[one.code])}" for one in sent]
    if operation.section not in ("", "-") and f"[{operation.section}]" not in "\n".join(lines):
        lines += ["", f"Source: [{operation.section}] in docs/northbound-api.md."]
    return "\n".join(lines)


def _marks(code: Code) -> str:
    """What sets a code apart: most are not to be repeated, and prove that nothing was done."""
    marks = (["may succeed later"] if code.retryable else []) + ([] if code.surely_harmless else ["it may have been done"])
    return f" ({'; '.join(marks)})" if marks else ""


def _full_stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _pages(model: Model, operation: Operation) -> Optional[Field]:
    """The list in the answer of an operation that is asked for page by page."""
    keys = {one.wire for one in operation.query_params}
    if operation.success is None or not {"pageNo", "pageSize"} <= keys:
        return None
    lists = [one for one in model.schemas[operation.success].fields if one.type.items]
    return lists[0] if len(lists) == 1 else None


def _iterator(model: Model, method: _Method, pager: str) -> list[str]:
    operation = method.operation
    listed = _pages(model, operation)
    assert listed is not None and listed.type.items is not None
    item, identity, moves = _listed(model, listed.type.items)
    named = [one for one in method.named if one.field.wire not in ("pageNo", "pageSize")]
    arguments = ["self", *(_qualified(one.declared) for one in method.first), "*", *(_qualified(one.declared) for one in named)]
    arguments.append(f"page_size: int = {PAGE_SIZE}")
    lines = _signature(f"def iter_{snake(operation.id)}", arguments, f"{pager}[{item}]")
    doc = (
        f"Everything that `{snake(operation.id)}` lists, page by page; the arguments are the same.\n\n{moves} while they are read moves "
        "the rest on; what the page before showed is left out here."
    )
    lines += _doc(doc, " " * 8)
    given = [one.name for one in method.first] + [f"{one.name}={one.name}" for one in named]
    asked = _call(f"lambda number: self.{snake(operation.id)}", [*given, "page_no=number", "page_size=page_size"], 12)
    lines += [f"        return {pager}(", f"            {asked},"]
    lines += [f"            lambda page: page.{python_name(listed.wire)},", f"            lambda item: {identity},"]
    return [*lines, "            page_size,", "        )"]


def _listed(model: Model, items: Type) -> tuple[str, str, str]:
    """What a list holds, what tells one from others, and what moves the rest."""
    if items.ref is None:
        return "str", "item", "What joins"
    wires = [one.wire for one in model.schemas[items.ref].fields]
    mark = "id" if "id" in wires else wires[0]
    return f"types.{items.ref}", f"item.{python_name(mark)}", "Lists show the newest first. What is created"


def _file(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
