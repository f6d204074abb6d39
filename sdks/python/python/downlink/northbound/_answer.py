"""Answers: the text, as it always was, which also has the documented members and accessors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Optional, TypeVar

from downlink.northbound._dto import read_member, to_wire

A = TypeVar("A", bound="Answer")


class Member:
    """A member of an answer, read out of its text when it is first asked for."""

    def __init__(self) -> None:
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Optional[Answer], owner: type) -> Any:
        if instance is None:
            return None
        return instance._fill().get(self.name)


def member() -> Any:
    """A member, for the body of a generated class. It is None where the text does not have it."""
    return Member()


class Answer(str):
    """The text of an answer. It is a `str` in every respect: `json.loads(answer)["commandId"]` and `"x" + answer` work as before.

    An answer of success has the documented members as attributes and accessors; they are None in a refusal. A refusal has
    `error_code`, `error_desc` and `detail`; they are None in an answer of success. The text of an answer without a body is empty.

    Without a text it is a data object whose members are set by hand, as old code does with `AuthOutDTO()`.
    """

    _members: ClassVar[Mapping[str, str]] = {}
    _nested: ClassVar[Mapping[str, type]] = {}
    _also: ClassVar[Mapping[str, str]] = {}
    _secret: ClassVar[frozenset[str]] = frozenset()

    error_code: Optional[str] = member()
    """The code of a refusal, such as `100418`; see `docs/errors/`. None if this is none. A gateway's `resultcode` is read as well."""
    error_desc: Optional[str] = member()
    """The text of that code, verbatim from the contract's table."""
    detail: Optional[str] = member()
    """What is wrong with this request, in words."""
    status_code: Optional[int] = None
    """The HTTP status of a refusal, from 100 to 599. With a setting of the platform, many refusals are a 200. None if this is none."""

    def __new__(cls: type[A], text: str = "") -> A:
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        if self._secret and self:
            return f"<{type(self).__name__}, {len(self)} characters that hold secrets>"
        return super().__repr__()

    def getError_code(self) -> Optional[str]:
        """The code of a refusal; None if this is none."""
        return self.error_code

    def getError_desc(self) -> Optional[str]:
        """The text of a refusal's code; None if this is no refusal."""
        return self.error_desc

    @classmethod
    def _of(cls: type[A], value: Mapping[str, Any]) -> A:
        """An answer within an answer."""
        return cls(json.dumps(value, ensure_ascii=False))

    def _to_wire(self) -> dict[str, Any]:
        """Its members as JSON has them: for classes that are requests as well, and for an answer that is sent on."""
        return {wire: to_wire(getattr(self, name)) for name, wire in self._members.items()}

    def _fill(self) -> dict[str, Any]:
        """Reads the text, once. What was set by hand stays."""
        known = self.__dict__
        if "_message" in known:
            return known
        message = self._read_text()
        known["_message"] = None
        for name, as_gateway in (("error_code", "resultcode"), ("error_desc", "resultmsg"), ("detail", "detail")):
            known.setdefault(name, message.get(name, message.get(as_gateway)))
        members = {} if known["error_code"] is not None else message
        for name in self._members:
            known.setdefault(name, read_member(type(self), name, members))
        return known

    def _read_text(self) -> Mapping[str, Any]:
        try:
            message = json.loads(str(self)) if self else {}
        except ValueError:
            message = {}
        return message if isinstance(message, Mapping) else {}
