"""The names of the vendor's classes, read from `sdks/surface.json` and joined with the model.

What the file says:

* `operations.<id>`: `class` has the method; `java` and `python` are signatures, `null` where that SDK has no such method. A parameter
  with a type is a DTO (or has that type), one without is a text. A parameter that is named like a path variable or a query parameter
  is that; `accessToken` is the token; the DTO is the body, or the query if the operation has no body.
  `ours`: the vendor's SDKs lack the operation, and the names are ours. `java_deprecated`: older overloads that worked.
* `pushes.<name>`: the handler of `PushMessageReceiver`, and the class that it is given.
* `dtos.<language>.<class>`: only where the rules do not do. The rules: a DTO parameter is the operation's body schema (or its query), the
  result is its success schema, and a nested member has the class that `of` gives its schema (`nested` chooses between
  several), or else the schema's own name. The keys: `of` a schema; `query` an operation's path and query parameters; `path` members
  that fill path variables and stay out of the body; `body` one member that is the whole body, and its class; `without` and `only` choose
  members; `types` overrides types by wire name; `rename` gives a member another name; `either` names a member that a getter falls back on;
  `extra` adds documented members that the server does not know; `deprecated` marks the class.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

from .model import Field, Model, Operation
from .names import upper


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method."""

    name: str
    type: Optional[str]
    """None: a text."""


@dataclass(frozen=True)
class Signature:
    """A method of a service class."""

    operation: str
    service: str
    result: Optional[str]
    """The class of the result; none for `void`."""
    name: str
    parameters: tuple[Parameter, ...]
    deprecated: bool = False
    ours: bool = False

    @property
    def dto(self) -> Optional[Parameter]:
        """The parameter that is the body, or the query."""
        return next((one for one in self.parameters if one.type and one.type not in ("Boolean", "Integer")), None)


@dataclass(frozen=True)
class Dto:
    """A class of data, and where its members come from."""

    name: str
    schema: Optional[str] = None
    """The schema whose members it has."""
    query: Optional[str] = None
    """The operation whose path and query parameters it has."""
    path: tuple[str, ...] = ()
    """Members that fill path variables and stay out of the body."""
    body: dict[str, str] = field(default_factory=dict)
    """The one member that is the whole body, and its class."""
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    either: dict[str, str] = field(default_factory=dict)
    """The member that a getter falls back on when its own is absent."""
    extra: dict[str, str] = field(default_factory=dict)
    deprecated: bool = False
    nested: bool = False

    def fields(self, model: Model) -> tuple[Field, ...]:
        """The members that come from the document, in its order; `path` members are not among them."""
        if self.query:
            operation = model.operations[self.query]
            members = operation.path_params + operation.query_params
        elif self.schema:
            members = model.members(self.schema)
        else:
            members = ()
        chosen = (one for one in members if one.wire not in self.without)
        return tuple(one for one in chosen if not self.only or one.wire in self.only)

    def path_fields(self, model: Model, operation: Operation) -> tuple[Field, ...]:
        """The path variables among its members."""
        return tuple(one for one in operation.path_params if one.wire in self.path)


@dataclass(frozen=True)
class PushName:
    """The handler of a push, and its class."""

    handler: str
    dto: str


class Surface:
    """The names of one model's operations."""

    def __init__(self, raw: dict[str, Any], model: Model):
        self._raw = raw
        self._model = model
        self._signatures: dict[str, list[Signature]] = {}

    def signatures(self, language: str) -> list[Signature]:
        """The methods of every operation that the document has, in its order; deprecated overloads after their successors."""
        if language not in self._signatures:
            self._signatures[language] = self._read_signatures(language)
        return self._signatures[language]

    def _read_signatures(self, language: str) -> list[Signature]:
        found = []
        for operation in self._model.operations.values():
            entry = self._raw["operations"].get(operation.id)
            if entry is None:
                found.append(self._invented(operation))
                continue
            texts = [entry[language]] if entry.get(language) else []
            old = entry.get(f"{language}_deprecated", [])
            for text in texts + old:
                found.append(_signature(operation, entry, text, text in old))
        return found

    def pushes(self, language: str) -> dict[str, PushName]:
        """The handler of each push that the document has."""
        found = {}
        for name in self._model.pushes:
            entry = self._raw["pushes"].get(name, {})
            found[name] = PushName(entry.get("handler", f"handle{upper(name)}"), entry.get(language, f"Notify{upper(name)}DTO"))
        return found

    def handlers(self, language: str) -> dict[str, str]:
        """The handler of every push that has a name, whether the document has it or not."""
        return {name: entry["handler"] for name, entry in self._raw["pushes"].items() if entry.get(language)}

    def python(self) -> dict[str, Any]:
        """What only the vendor's Python SDK has; see `python_compat.py`."""
        return dict(self._raw["python"])

    def dtos(self, language: str) -> dict[str, Dto]:
        """Every class of data that the methods and pushes of a language reach, by name, sorted."""
        reached = self._reached(language, self.signatures(language))
        current = self._reached(language, [one for one in self.signatures(language) if not one.deprecated])
        for name, entry in self._raw["dtos"][language].items():
            if entry.get("of") in self._model.schemas and name not in reached:
                self._reach(language, name, entry["of"], None, reached)
                current[name] = reached[name]
        return {name: replace(dto, deprecated=dto.deprecated or name not in current) for name, dto in sorted(reached.items())}

    def _reached(self, language: str, signatures: list[Signature]) -> dict[str, Dto]:
        reached: dict[str, Dto] = {}
        for signature in signatures:
            operation = self._model.operations[signature.operation]
            if signature.dto is not None:
                self._reach(language, str(signature.dto.type), operation.body, operation, reached)
            if signature.result is not None:
                self._reach(language, element(signature.result), operation.success, None, reached)
        for name, push in self.pushes(language).items():
            self._reach(language, push.dto, self._model.pushes[name].schema, None, reached)
        return reached

    def nested(self, language: str, schema: str) -> str:
        """The class of a member whose type is that schema."""
        entries = self._raw["dtos"][language].items()
        of = [(name, entry) for name, entry in entries if entry.get("of") == schema and not entry.get("deprecated")]
        chosen = [name for name, entry in of if entry.get("nested")] or [name for name, _ in of]
        return chosen[0] if chosen else self._by_signature(language, schema)

    def _by_signature(self, language: str, schema: str) -> str:
        for signature in self.signatures(language):
            operation = self._model.operations[signature.operation]
            if signature.result and operation.success == schema and not signature.deprecated:
                return signature.result
        return schema

    def _reach(self, language: str, name: str, schema: Optional[str], operation: Optional[Operation], reached: dict[str, Dto]) -> None:
        if name in reached:
            return
        dto = self._dto(language, name, schema, operation)
        reached[name] = dto
        for member in dto.fields(self._model):
            override = dto.types.get(member.wire)
            if override is not None:
                inner = element(override)
                if inner in self._raw["dtos"][language]:
                    self._reach(language, inner, self._raw["dtos"][language][inner].get("of"), None, reached)
                continue
            target = member.type.items if member.type.items else member.type
            if target.ref and self._model.schemas[target.ref].kind == "object":
                self._reach(language, self.nested(language, target.ref), target.ref, None, reached)
        for inner in dto.body.values():
            self._reach(language, inner, self._raw["dtos"][language][inner]["of"], None, reached)

    def _dto(self, language: str, name: str, schema: Optional[str], operation: Optional[Operation]) -> Dto:
        entry = self._raw["dtos"][language].get(name, {})
        whole = bool(entry.get("body"))
        query = entry.get("query")
        if query is None and operation is not None and schema is None and not whole:
            query = operation.id
        return Dto(
            name=name,
            schema=None if whole or query else entry.get("of", schema),
            query=query,
            path=tuple(entry.get("path", ())),
            body=entry.get("body", {}),
            without=tuple(entry.get("without", ())),
            only=tuple(entry.get("only", ())),
            types=entry.get("types", {}),
            rename=entry.get("rename", {}),
            either=entry.get("either", {}),
            extra=entry.get("extra", {}),
            deprecated=entry.get("deprecated", False),
            nested=entry.get("nested", False),
        )

    def _invented(self, operation: Operation) -> Signature:
        """The method of an operation that the vendor's SDKs do not have, and that nobody has named."""
        parameters = []
        queries = [one for one in operation.query_params if one.wire != "appId"]
        if operation.body:
            parameters.append(Parameter("inDTO", f"{upper(operation.id)}InDTO"))
        elif queries:
            parameters.append(Parameter("inDTO", f"{upper(operation.id)}InDTO"))
        if operation.body or not queries:
            parameters += [Parameter(one.wire, None) for one in operation.path_params]
            parameters += [Parameter("appId", None) for one in operation.query_params if one.wire == "appId"]
        if operation.authenticated:
            parameters.append(Parameter("accessToken", None))
        result = f"{upper(operation.id)}OutDTO" if operation.success else None
        return Signature(operation.id, operation.service, result, operation.id, tuple(parameters), ours=True)


def element(name: str) -> str:
    """`List<X>` is about `X`."""
    match = re.fullmatch(r"List<(\w+)>", name)
    return match.group(1) if match else name


def _signature(operation: Operation, entry: dict[str, Any], text: str, deprecated: bool) -> Signature:
    match = re.fullmatch(r"(\S+) (\w+)\((.*)\)", text)
    if match is None:
        raise ValueError(f"surface.json: `{text}` is no signature")
    result, name, inside = match.groups()
    parameters = []
    for one in filter(None, (part.strip() for part in inside.split(","))):
        kind, _, label = one.rpartition(" ")
        parameters.append(Parameter(label, kind or None))
    return Signature(
        operation=operation.id,
        service=entry["class"],
        result=None if result == "void" else result,
        name=name,
        parameters=tuple(parameters),
        deprecated=deprecated or operation.deprecated,
        ours=entry.get("ours", False),
    )


def load(path: Path, model: Model) -> Surface:
    """Reads the file, for the operations of this model."""
    return Surface(json.loads(path.read_text(encoding="utf-8")), model)
