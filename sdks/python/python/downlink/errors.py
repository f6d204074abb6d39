"""What a call may raise.

    DownlinkError
    ├── ContractError            the platform refused, with a code
    ├── TransportError
    │   ├── NotConnectedError    no byte reached the platform
    │   └── NoAnswerError        nobody knows how far it came
    ├── UnexpectedAnswerError    an answer that the contract does not know
    └── SettingError             a setting or an argument that cannot be used; nothing was sent

Arguments of a wrong Python type are TypeError and ValueError, as everywhere.
"""

from __future__ import annotations

from typing import Any, Optional

from . import _native
from ._generated.codes import ErrorCode

__all__ = [
    "ContractError",
    "DownlinkError",
    "NoAnswerError",
    "NotConnectedError",
    "SettingError",
    "TransportError",
    "UnexpectedAnswerError",
]


class DownlinkError(Exception):
    """A call that failed."""

    code: Optional[ErrorCode] = None
    """The platform's code, if it refused: `ErrorCode.DEVICE_OFFLINE`, which equals `"100428"`. docs/errors has a page for each."""
    detail: Optional[str] = None
    """What is wrong in this very request, where the platform says it."""
    status: Optional[int] = None
    """The HTTP status of the answer, if there was one. Go by `code`: many refusals come with 200."""
    is_retryable: bool = False
    """Whether the same call may succeed later. What changes something and is not `surely_harmless` should be repeated under the same
    idempotency key only."""
    surely_harmless: bool = False
    """Whether it is certain that the call changed nothing, and that no byte left for the device."""
    retry_after: Optional[float] = None
    """Seconds for which the platform asks to be left alone."""
    request_id: Optional[str] = None
    """What the platform calls the request in its own log: what an operator asks for."""

    def __init__(self, message: str = "", **members: Any):
        super().__init__(message)
        for name, value in members.items():
            if not hasattr(type(self), name):
                raise TypeError(f"an error has no {name}")
            setattr(self, name, value)

    def __reduce__(self) -> Any:
        return _restored, (type(self), str(self), dict(self.__dict__))


class ContractError(DownlinkError):
    """The platform refused the request, in the contract's words. `code` is never None."""

    code: ErrorCode
    desc: str = ""
    """The code's text."""
    body: str = ""
    """The refusal as it came: JSON of at most 64 KiB, empty if it was larger."""


class TransportError(DownlinkError):
    """The request could not be carried there, or the answer not back."""


class NotConnectedError(TransportError):
    """No connection came about: no byte of the request reached the platform."""


class NoAnswerError(TransportError):
    """No answer came, or not in time: the platform may have carried the call out."""


class UnexpectedAnswerError(DownlinkError):
    """An answer came that the contract does not know. The message never holds its text: that may hold secrets."""


class SettingError(DownlinkError, ValueError):
    """A setting of the client or an argument of a call cannot be used. Nothing was sent."""


_KINDS: dict[str, type[DownlinkError]] = {
    "contract": ContractError,
    "not_connected": NotConnectedError,
    "no_answer": NoAnswerError,
    "unexpected": UnexpectedAnswerError,
    "setting": SettingError,
}


def raised(error: _native.CallError) -> DownlinkError:
    """The exception for an error of the core."""
    members: dict[str, Any] = {
        "detail": error.detail,
        "status": error.status,
        "is_retryable": error.retryable,
        "surely_harmless": error.surely_harmless,
        "retry_after": error.retry_after,
        "request_id": error.request_id,
    }
    if error.kind == "contract":
        members.update(code=ErrorCode(error.code), desc=error.desc, body=error.body)
    return _KINDS[error.kind](str(error), **members)


def _restored(kind: type[DownlinkError], message: str, members: dict[str, Any]) -> DownlinkError:
    """An exception that comes out of another process."""
    return kind(message, **members)
