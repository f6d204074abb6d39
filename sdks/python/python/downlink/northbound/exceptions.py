"""What a call raises when no answer came.

Errors of the contract are no exceptions here: they come back as their JSON text (see `client.NorthApiException`). What is raised is named
and derived as in the package `requests`, which the vendor's SDK was built on:

    OSError
    └── RequestException
        ├── ConnectionError          no connection, or it broke
        │   ├── SSLError             the platform's certificate is not believed, or it does not take ours
        │   └── ConnectTimeout       (a Timeout, too) no connection in time; nothing was sent
        ├── Timeout
        │   └── ReadTimeout          sent, and no answer in time
        └── InvalidAnswer            an answer that is none of the contract, such as a proxy's page

If the application has imported `requests`, each of them is also an instance of the class of that name there, so that
`except requests.RequestException` and `except requests.ReadTimeout` catch what they always caught. This package does not need `requests`
and does not import it.
"""

from __future__ import annotations

import sys
from typing import Any, Optional


class RequestException(OSError):
    """No answer came. `message` says why; it never holds a secret."""

    def __init__(self, message: str = "", **_: Any) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class ConnectionError(RequestException):  # noqa: A001 (as in `requests`)
    """There was no connection, or it broke."""


class SSLError(ConnectionError):
    """The two sides do not believe each other's certificates."""


class Timeout(RequestException):
    """It took too long."""


class ConnectTimeout(ConnectionError, Timeout):
    """No connection in time. Nothing was sent."""


class ReadTimeout(Timeout):
    """The request was sent, and no answer came in time: whether it was carried out is not known."""


class InvalidAnswer(RequestException):
    """An answer came that the contract does not know, such as a proxy's page."""

    status_code: Optional[int] = None
    """The answer's HTTP status."""


_COUNTERPARTS: dict[type, str] = {InvalidAnswer: "RequestException"}
_joined: dict[tuple[type, type], type] = {}


def raised(kind: type[RequestException], message: str) -> RequestException:
    """The exception to raise: of `kind`, and of the class of that name in `requests` where the application has that."""
    name = _COUNTERPARTS.get(kind, kind.__name__)
    other = getattr(getattr(sys.modules.get("requests"), "exceptions", None), name, None)
    if not isinstance(other, type):
        return kind(message)
    joined = _joined.get((kind, other))
    if joined is None:
        joined = type(kind.__name__, (kind, other), {"__doc__": kind.__doc__, "__module__": __name__})
        _joined[kind, other] = joined
    made = joined(message)
    assert isinstance(made, RequestException)
    return made
