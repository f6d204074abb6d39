"""What a callback brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from downlink.northbound._dto import Dto, read_member

N = TypeVar("N", bound="Notification")


class Notification(Dto):
    """A callback. Its members are attributes with accessors where the platform's document has them; every member of the message can be
    read as from a dict, too: `body["deviceId"]`, `body.get("gatewayId")`. A notifyType that the platform does not send yet has this class,
    and its members as plain attributes.
    """

    _message: Mapping[str, Any] = {}

    @classmethod
    def _of(cls: type[N], message: Mapping[str, Any]) -> N:
        made = cls()
        made._message = message
        for name in cls._members:
            setattr(made, name, read_member(cls, name, message))
        return made

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._message:
            return self._message[name]
        raise AttributeError(f"{type(self).__name__} has no member {name}")

    def __getitem__(self, name: str) -> Any:
        return self._message[name]

    def __contains__(self, name: object) -> bool:
        return name in self._message

    def __iter__(self) -> Iterator[str]:
        return iter(self._message)

    def keys(self) -> Iterator[str]:
        """The names of the members that the message has."""
        return iter(self._message)

    def get(self, name: str, default: Any = None) -> Any:
        """A member of the message as JSON has it; `default` if it is not there."""
        return self._message.get(name, default)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self._message)!r})"
