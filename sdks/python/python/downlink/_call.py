"""A call of the contract, before it is made."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union

from . import _data, _native
from .errors import DownlinkError, UnexpectedAnswerError, raised

T = TypeVar("T")
R = TypeVar("R")

Key = Union[str, Literal[False], None]
"""An `Idempotency-Key` (1 to 255 visible ASCII characters); None: a random one; False: none."""

Token = Union[str, Literal[False], None]
"""An access token; None: the client's own; False: none, and no `app_key` either."""


class Reply(NamedTuple):
    """The answer to a call that succeeded."""

    status: int
    """The HTTP status."""
    text: str
    """The body: JSON, or nothing."""

    def json(self) -> Any:
        """The body, parsed; None if there is none."""
        return json.loads(self.text) if self.text else None


_log = logging.getLogger("downlink")


class Watch:
    """The log of a call: its operation and its end, at level DEBUG; never what it carries."""

    def __init__(self, operation: str):
        self._operation, self._began = operation, time.monotonic()

    def answered(self, answer: tuple[int, str]) -> Reply:
        """It succeeded."""
        reply = Reply(*answer)
        _log.debug("%s answered with %d after %.3f s", self._operation, reply.status, self._seconds())
        return reply

    def failed(self, error: _native.CallError) -> DownlinkError:
        """It did not: the exception to raise."""
        failure = raised(error)
        _log.debug("%s failed after %.3f s: %s, request %s", self._operation, self._seconds(), failure, failure.request_id)
        return failure

    def _seconds(self) -> float:
        return time.monotonic() - self._began


@dataclass(frozen=True)
class Call(Generic[T]):
    """An operation with all that it needs."""

    operation: str
    """Its `operationId` in openapi.json."""
    variables: tuple[str, ...] = ()
    query: tuple[tuple[str, _data.Argument], ...] = ()
    body: Optional[_data.Data] = None
    answer: Optional[type[_data.Data]] = None
    many: bool = False
    """The answer is a list of those."""
    key: Key = None

    def text(self) -> Optional[str]:
        """The body to send. Raises ValueError for what JSON does not have, such as NaN."""
        return None if self.body is None else json.dumps(self.body.to_json(), ensure_ascii=False, allow_nan=False)

    def read(self, reply: Reply) -> Any:
        """The answer as an object."""
        if self.answer is None:
            return None
        try:
            value = reply.json()
            if self.many:
                if not isinstance(value, list):
                    raise ValueError(f"a list, not {type(value).__name__}")
                return [self.answer.from_json(one) for one in value]
            return self.answer.from_json(value)
        except ValueError as error:
            # The parser's own error would hold the text, and with it perhaps a secret.
            reason = "no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            raise UnexpectedAnswerError(f"no answer to {self.operation}: {reason}", status=reply.status) from None
