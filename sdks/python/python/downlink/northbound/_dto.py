"""What all data objects share.

A member is a plain attribute and has accessors. What is not set goes out as JSON null in a body and is left out of a query. A nested
member may be given as a data object or as a dict. Some classes are *key carriers*: a member that is not set reads as its own name on
the wire, so that it can stand as the key of a dict (`dto.header = {dto.header.mode: "ACK"}`); they send only what is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Optional, TypeVar

T = TypeVar("T")


class _Unset:
    """A member that nobody has set."""


UNSET = _Unset()


class Nested:
    """The default of a nested member: an object of its own for every data object, made when it is first read, sent when it is used."""

    def __init__(self, kind: type[Dto]) -> None:
        self.kind = kind
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Optional[Dto], owner: type) -> Any:
        if instance is None:
            return self.kind
        made = self.kind()
        instance.__dict__[self.name] = made
        return made


def nested(kind: type[Dto]) -> Any:
    """A nested member of this class, for the body of a generated class."""
    return Nested(kind)


class Dto:
    """The base of all data objects. It is made without arguments."""

    _members: ClassVar[Mapping[str, str]] = {}
    """Attribute to name on the wire."""
    _nested: ClassVar[Mapping[str, type]] = {}
    """Attribute to the class of the member, or of its elements."""
    _also: ClassVar[Mapping[str, str]] = {}
    """Attribute to a second name that is read."""
    _secret: ClassVar[frozenset[str]] = frozenset()
    """Attributes that are never shown."""
    _carries_keys: ClassVar[bool] = False

    def __repr__(self) -> str:
        shown = (
            f"{name}={'…' if name in self._secret and value is not None else repr(value)}"
            for name, value in self._set_members()
            if not (isinstance(value, Dto) and is_untouched(value))
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def _member(self, name: str) -> Any:
        """What is set, or `UNSET`. What a generated class declares is a default; what a subclass of it says is set."""
        if name in self.__dict__:
            return self.__dict__[name]
        for kind in type(self).__mro__:
            if name in kind.__dict__:
                return UNSET if "_members" in kind.__dict__ else getattr(self, name)
        return UNSET

    def _set_members(self) -> Iterator[tuple[str, Any]]:
        """Every member that is set, what the application added itself included."""
        for name in self._members:
            value = self._member(name)
            if value is not UNSET:
                yield name, value
        for name, value in self.__dict__.items():
            if name not in self._members and not name.startswith("_"):
                yield name, value

    def _to_wire(self) -> dict[str, Any]:
        """As JSON has it."""
        made: dict[str, Any] = {}
        if not self._carries_keys:
            made = {wire: None for name, wire in self._members.items() if not self._is_nested(name)}
        for name, value in self._set_members():
            if isinstance(value, type) or (isinstance(value, Dto) and is_untouched(value)):
                continue
            made[self._members.get(name, name)] = to_wire(value)
        return made

    def _is_nested(self, name: str) -> bool:
        return any(isinstance(kind.__dict__.get(name), Nested) for kind in type(self).__mro__)


class KeyCarrier(Dto):
    """A data object whose members read as their own names until they are set."""

    _carries_keys: ClassVar[bool] = True


def is_untouched(value: Dto) -> bool:
    """Whether nobody has set anything in it. Then it is not sent."""
    return all(inner is None or (isinstance(inner, Dto) and is_untouched(inner)) for _, inner in value._set_members())


def to_wire(value: Any) -> Any:
    """A value as JSON has it: data objects become dicts at every depth; so do objects of other classes, by their public attributes.

    `TypeError` for what JSON has no form for, such as bytes or a moment.
    """
    from downlink.northbound._answer import Answer

    if isinstance(value, (Dto, Answer)):
        return value._to_wire()
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): to_wire(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_wire(inner) for inner in value]
    return _attributes(value)


def _attributes(value: Any) -> dict[str, Any]:
    foreign = type(value).__module__ in ("builtins", "datetime", "decimal", "uuid")
    if foreign or isinstance(value, type):
        raise TypeError(f"a {type(value).__name__} has no form in JSON")
    names = (name for name in dir(value) if not name.startswith("_"))
    members = ((name, getattr(value, name)) for name in names)
    return {name: to_wire(inner) for name, inner in members if not callable(inner)}


def read_member(kind: Any, name: str, message: Mapping[str, Any]) -> Any:
    """The member of a message that belongs to an attribute of `kind`: an object where `kind` names a class for it, else as it is."""
    value = message.get(kind._members[name])
    if value is None and name in kind._also:
        value = message.get(kind._also[name])
    inner = kind._nested.get(name)
    if inner is None:
        return value
    if isinstance(value, list):
        return [read(inner, element) for element in value]
    return read(inner, value)


def read(kind: type[T], value: Any) -> Any:
    """An object of `kind` with the members of a JSON object; unknown members are ignored. What is no object stays what it is."""
    if not isinstance(value, Mapping):
        return value
    from downlink.northbound._answer import Answer

    if issubclass(kind, Answer):
        return kind._of(value)
    made = kind()
    for name in kind._members:  # type: ignore[attr-defined]
        setattr(made, name, read_member(kind, name, value))
    return made
