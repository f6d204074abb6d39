"""What the generated classes stand on: JSON to objects and back."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, NamedTuple, Optional, TypeVar, Union
from urllib.parse import quote, urlencode

_TIME = "%Y%m%dT%H%M%SZ"

Json = dict[str, Any]
"""A JSON object, such as the parameters of a command."""

D = TypeVar("D", bound="Data")
E = TypeVar("E", bound="Word")


class Word(str, enum.Enum):
    """A word of the contract. It is a text too, and equals the text: `CommandStatus.SENT == "SENT"`.

    A word that this version does not know is taken as it is: a platform may know more words than its client.
    """

    @property
    def is_known(self) -> bool:
        """Whether this version knows the word."""
        return self._name_ in type(self).__members__

    @classmethod
    def _missing_(cls: type[E], value: object) -> Optional[E]:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = f"unknown {value}"
        word._value_ = value
        return word

    def __str__(self) -> str:
        return str(self.value)

    def __reduce_ex__(self, _: Any) -> Any:
        return type(self), (self.value,)


class Member(NamedTuple):
    """A member of a class: its name on the wire, its name here, and what it holds."""

    wire: str
    name: str
    kind: Optional[type] = None
    """A class of data or words, datetime, or a type of JSON; None: anything."""
    many: bool = False
    """A list of those."""
    required: bool = False


class Data:
    """An object of the contract.

    What an object does not have is None; None is not sent. Members of an answer that this version does not know are passed over.
    """

    _MEMBERS: ClassVar[tuple[Member, ...]] = ()

    @classmethod
    def from_json(cls: type[D], value: object) -> D:
        """Reads the object from parsed JSON. Raises ValueError, which names the member and never shows what it holds."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{cls.__name__} is an object, not {type(value).__name__}")
        held: dict[str, Any] = {}
        for member in cls._MEMBERS:
            found = value.get(member.wire)
            if found is None:
                if member.required:
                    raise ValueError(f"{cls.__name__} lacks {member.wire}")
                continue
            try:
                held[member.name] = _many(member, found) if member.many else _read(member.kind, found)
            except ValueError as error:
                raise ValueError(f"{cls.__name__}.{member.wire}: {error}") from None
        return cls(**held)

    def to_json(self) -> Json:
        """The object as JSON, ready for `json.dumps`; members that are None are left out. Secrets stand in it in full."""
        written: Json = {}
        for member in self._MEMBERS:
            value = getattr(self, member.name)
            if value is not None:
                written[member.wire] = _write(value)
        return written

    def replace(self: D, **changes: Any) -> D:
        """A copy with other members."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


def _many(member: Member, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"a list, not {type(value).__name__}")
    return [_read(member.kind, element) for element in value]


def _read(kind: Optional[type], value: object) -> Any:
    if kind is None:
        return value
    if issubclass(kind, Data):
        return kind.from_json(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    on_the_wire = str if kind is datetime or issubclass(kind, enum.Enum) else kind
    if not isinstance(value, on_the_wire) or (kind is not bool and isinstance(value, bool)):
        raise ValueError(f"{on_the_wire.__name__}, not {type(value).__name__}")
    if kind is datetime:
        assert isinstance(value, str)
        try:
            return datetime.strptime(value, _TIME).replace(tzinfo=timezone.utc)
        except ValueError:
            raise ValueError("no moment of the form yyyyMMddTHHmmssZ") from None
    return kind(value) if issubclass(kind, enum.Enum) else value


def _write(value: Any) -> Any:
    if isinstance(value, Data):
        return value.to_json()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, (list, tuple)):
        return [_write(element) for element in value]
    return value


def moment(value: datetime) -> str:
    """The contract's notation: UTC, whole seconds. Raises ValueError for a moment that names no time zone."""
    if value.tzinfo is None:
        raise ValueError("a moment needs a time zone: datetime.now(timezone.utc), or .replace(tzinfo=timezone.utc)")
    return value.astimezone(timezone.utc).strftime(_TIME)


Argument = Union[str, int, bool, datetime, None]
"""What a key of a query may be."""


def query(pairs: tuple[tuple[str, Argument], ...]) -> str:
    """An encoded query; what is None is left out."""
    texts = [(name, _text(value)) for name, value in pairs if value is not None]
    return urlencode(texts, quote_via=quote)


def _text(value: Argument) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word):
        return str(value.value)
    return moment(value) if isinstance(value, datetime) else str(value)
