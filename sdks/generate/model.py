"""The northbound interface as plain values, read from `openapi.json`.

Aliases (operations with `x-alias-of`) are left out: a client needs one path per operation.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

REFERENCE = "#/components/schemas/"
"""How the document begins the name of a schema."""


@dataclass(frozen=True)
class Type:
    """What a value is. `kind` is one of string, integer, number, boolean, object (a free map), array, ref, any."""

    kind: str
    format: Optional[str] = None
    """int32, int64, uri, uuid, password."""
    ref: Optional[str] = None
    """The schema's name, for `ref`."""
    items: Optional["Type"] = None
    """The type of an element, for `array`."""


@dataclass(frozen=True)
class Field:
    """A member of a schema, or a parameter of an operation."""

    wire: str
    type: Type
    required: bool
    """Whether it must be there. Null stands for absent in requests."""
    nullable: bool
    doc: str
    minimum: Optional[int] = None
    maximum: Optional[int] = None
    min_length: Optional[int] = None
    max_length: Optional[int] = None
    max_items: Optional[int] = None
    pattern: Optional[str] = None
    unit: Optional[str] = None
    """The unit of a number: seconds, days."""
    default: Any = None
    also_accepts: Optional[str] = None
    empty_means_absent: bool = False
    values: tuple[str, ...] = ()
    """The words that it may be, if it is an enumeration."""
    value_docs: dict[str, str] = field(default_factory=dict)
    """What each of `values` means."""
    known_values: tuple[str, ...] = ()
    """Words that mean something, though others are taken."""
    time_format: Optional[str] = None
    """The notation of a moment: yyyyMMdd'T'HHmmss'Z'."""
    const: Optional[str] = None
    secret: bool = False
    """Never to be logged or shown."""
    example: Any = None


@dataclass(frozen=True)
class Schema:
    """An object with members, or an enumeration (`values`), or a text with a form (`pattern`)."""

    name: str
    kind: str
    """object, enum or text."""
    doc: str
    fields: tuple[Field, ...] = ()
    values: tuple[str, ...] = ()
    value_docs: dict[str, str] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)

    def field(self, wire: str) -> Field:
        """The member of that name on the wire; `KeyError` if there is none."""
        for member in self.fields:
            if member.wire == wire:
                return member
        raise KeyError(f"{self.name} has no member {wire}")


@dataclass(frozen=True)
class OperationError:
    """A code in the table of one operation."""

    code: str
    status: int
    """The status of the contract's own table (`error_status = documented`)."""
    http: int
    """The status under `error_status = http`."""
    text: str
    """`error_desc`, verbatim."""
    meaning: str
    sent: bool
    """False: the table lists it, and the server never sends it here."""


@dataclass(frozen=True)
class Code:
    """An error code, over all operations."""

    number: str
    name: str
    text: str
    meaning: str
    remedy: str
    retryable: bool
    """Whether the same request may succeed later."""
    surely_harmless: bool
    """Whether it is certain that nothing happened."""
    gateway: bool
    status: int
    http: int
    page: str


@dataclass(frozen=True)
class Operation:
    """A call of the contract."""

    id: str
    contract_name: str
    service: str
    """The class that the vendor's SDKs have it in, which is the document's tag."""
    method: str
    """GET, POST, PUT, DELETE."""
    path: str
    """With `{variables}`."""
    section: str
    summary: str
    doc: str
    path_params: tuple[Field, ...]
    query_params: tuple[Field, ...]
    authenticated: bool
    """Whether it takes `app_key` and a token."""
    idempotent_key: bool
    """Whether it takes an `Idempotency-Key`: the creates."""
    body: Optional[str]
    """The schema of the request's body."""
    media: Optional[str]
    """What a client should send the body as: application/json, or application/x-www-form-urlencoded."""
    success_status: int
    success: Optional[str]
    """The schema of the answer; none for an empty one."""
    success_list: bool
    """Whether the answer is a list of those."""
    errors: tuple[OperationError, ...]
    deprecated: bool
    replaced_by: Optional[str]


@dataclass(frozen=True)
class Push:
    """A message that the server posts to an address of the application."""

    name: str
    notify_type: Optional[str]
    """What `notifyType` says, if it has one."""
    schema: str
    section: str
    summary: str
    doc: str


@dataclass(frozen=True)
class Model:
    """The whole document."""

    operations: dict[str, Operation]
    """By id, in the document's order."""
    schemas: dict[str, Schema]
    codes: dict[str, Code]
    """By number, in the document's order."""
    pushes: dict[str, Push]
    version: str

    def members(self, name: str) -> tuple[Field, ...]:
        """The members of a schema."""
        return self.schemas[name].fields


def load(path: Path) -> Model:
    """Reads the document."""
    document = json.loads(path.read_text(encoding="utf-8"))
    components = document["components"]
    schemas = {name: _schema(name, raw, components["schemas"]) for name, raw in components["schemas"].items()}
    codes = {raw["number"]: _code(raw) for raw in components["x-codes"]}
    operations: dict[str, Operation] = {}
    for address, methods in document["paths"].items():
        for method, raw in methods.items():
            if "x-alias-of" not in raw:
                operation = _operation(method, address, raw, components)
                operations[operation.id] = operation
    pushes = {name: _push(name, raw["post"], schemas) for name, raw in document["webhooks"].items()}
    return Model(operations, schemas, codes, pushes, document["info"]["version"])


def _code(raw: dict[str, Any]) -> Code:
    return Code(
        number=raw["number"],
        name=raw["name"],
        text=raw["text"],
        meaning=raw["meaning"],
        remedy=raw["remedy"],
        retryable=raw["retryable"],
        surely_harmless=raw["surelyHarmless"],
        gateway=raw["gateway"],
        status=raw["status"]["documented"],
        http=raw["status"]["http"],
        page=raw["page"],
    )


def _schema(name: str, raw: dict[str, Any], schemas: dict[str, Any]) -> Schema:
    doc = raw.get("description", "")
    if "enum" in raw:
        return Schema(name, "enum", doc, values=tuple(raw["enum"]), value_docs=raw.get("x-enum-descriptions", {}), raw=raw)
    if raw["type"] != "object":
        return Schema(name, "text", doc, raw=raw)
    required = set(raw.get("required", ()))
    members = tuple(_field(wire, member, wire in required, schemas) for wire, member in raw.get("properties", {}).items())
    return Schema(name, "object", doc, fields=members, raw=raw)


def _field(wire: str, raw: dict[str, Any], required: bool, schemas: dict[str, Any]) -> Field:
    outer, target, nullable = raw, raw, False
    if "anyOf" in raw:
        target = next(option for option in raw["anyOf"] if option.get("type") != "null")
        nullable = True
    if isinstance(raw.get("type"), list):
        nullable = "null" in raw["type"]
    reference = target.get("$ref")
    referred = schemas[reference[len(REFERENCE):]] if reference else {}
    # What stands beside the reference goes first; what only the schema says comes with it.
    merged = {**referred, **outer} if referred.get("type") == "string" else outer
    return Field(
        wire=wire,
        type=_type(target),
        required=required,
        nullable=nullable,
        doc=outer.get("description", referred.get("description", "")),
        minimum=merged.get("minimum"),
        maximum=merged.get("maximum"),
        min_length=merged.get("minLength"),
        max_length=merged.get("maxLength"),
        max_items=merged.get("maxItems"),
        pattern=merged.get("pattern"),
        unit=merged.get("x-unit"),
        default=merged.get("default"),
        also_accepts=merged.get("x-also-accepts"),
        empty_means_absent=merged.get("x-empty-means-absent", False),
        values=tuple(merged.get("enum", ())),
        value_docs=merged.get("x-enum-descriptions", {}),
        known_values=tuple(merged.get("x-known-values", ())),
        time_format=merged.get("x-format"),
        const=merged.get("const"),
        secret=target.get("format") == "password",
        example=next(iter(merged.get("examples", ())), merged.get("example")),
    )


def _type(raw: dict[str, Any]) -> Type:
    if "$ref" in raw:
        return Type("ref", ref=raw["$ref"][len(REFERENCE):])
    kind = raw.get("type", "any")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    items = _type(raw["items"]) if kind == "array" else None
    return Type(kind, format=raw.get("format"), items=items)


def _parameter(raw: dict[str, Any], schemas: dict[str, Any]) -> Field:
    merged = {**raw["schema"], "description": raw.get("description", "")}
    if "example" in raw:
        merged["example"] = raw["example"]
    return _field(raw["name"], merged, raw.get("required", False), schemas)


def _operation(method: str, address: str, raw: dict[str, Any], components: dict[str, Any]) -> Operation:
    schemas, parameters = components["schemas"], raw.get("parameters", ())
    placed = {place: [one for one in parameters if one["in"] == place] for place in ("path", "query", "header")}
    variables = re.findall(r"\{(\w+)\}", address)
    placed["path"].sort(key=lambda one: variables.index(one["name"]))
    body = raw.get("requestBody")
    media = body["x-media"] if body else None
    status = raw["x-success"]
    return Operation(
        id=raw["operationId"],
        contract_name=raw["x-contract-name"],
        service=raw["tags"][0],
        method=method.upper(),
        path=address,
        section=raw["x-section"],
        summary=raw["summary"],
        doc=raw["description"],
        path_params=tuple(_parameter(one, schemas) for one in placed["path"]),
        query_params=tuple(_parameter(one, schemas) for one in placed["query"]),
        authenticated=bool(raw["security"]),
        idempotent_key=any(one["name"] == "Idempotency-Key" for one in placed["header"]),
        body=_referred(body["content"][media]["schema"]) if body else None,
        media=media,
        success_status=status,
        success=_success(components["responses"][f"{raw['operationId']}.{status}"])[0],
        success_list=_success(components["responses"][f"{raw['operationId']}.{status}"])[1],
        errors=_errors(raw["operationId"], components["x-codes"]),
        deprecated=raw.get("deprecated", False),
        replaced_by=raw.get("x-replaced-by"),
    )


def _referred(schema: dict[str, Any]) -> Optional[str]:
    return schema["$ref"][len(REFERENCE):] if "$ref" in schema else None


def _success(response: dict[str, Any]) -> tuple[Optional[str], bool]:
    content = response.get("content", {})
    if not content:
        return None, False
    schema = next(iter(content.values()))["schema"]
    # An answer that may be an error beside it names the answer first.
    answer = next(iter(schema.get("oneOf", ())), schema)
    return _referred(answer.get("items", answer)), "items" in answer


def _errors(operation: str, codes: list[dict[str, Any]]) -> tuple[OperationError, ...]:
    found = []
    for code in codes:
        entry = code["operations"].get(operation)
        if entry is not None:
            found.append(OperationError(
                code=code["number"],
                status=entry["documented"],
                http=entry["http"],
                text=entry.get("text", code["text"]),
                meaning=code["meaning"],
                sent=entry["sent"],
            ))
    return tuple(found)


def _push(name: str, raw: dict[str, Any], schemas: dict[str, Schema]) -> Push:
    schema = _referred(raw["requestBody"]["content"]["application/json"]["schema"])
    assert schema is not None, name
    marks = [member.const for member in schemas[schema].fields if member.wire == "notifyType"]
    return Push(
        name=name,
        notify_type=marks[0] if marks else None,
        schema=schema,
        section=raw["x-section"],
        summary=raw["summary"],
        doc=raw["description"],
    )
