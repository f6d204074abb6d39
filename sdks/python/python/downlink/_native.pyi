"""The Rust core. `downlink` and `downlink.northbound` are built on it; programs use those."""

from collections.abc import Callable, Sequence
from typing import Literal, Optional, Union, final

from typing_extensions import Self

__all__ = ["CallError", "Client", "Pending", "RefusedCallback", "Verifier", "shut_down"]

class CallError(Exception):
    """A call that failed. What a kind of failure does not have is None."""

    kind: Literal["contract", "not_connected", "no_answer", "unexpected", "setting"]
    code: Optional[str]
    desc: Optional[str]
    detail: Optional[str]
    status: Optional[int]
    # The refusal as it came: JSON of at most 64 KiB, empty if it was larger.
    body: Optional[str]
    request_id: Optional[str]
    # Seconds.
    retry_after: Optional[float]
    retryable: bool
    surely_harmless: bool

class RefusedCallback(Exception):
    """A callback that is not taken."""

    # What to answer: 400 or 401.
    status: int
    reason: Literal["unsigned", "forged", "unreadable"]

@final
class Pending:
    """A call in progress."""

    def cancel(self) -> None:
        """Gives the call up: whether the platform has carried it out is not known."""

@final
class Client:
    """A client of the northbound contract. Threads may share it; a forked child uses it with connections of its own."""

    def __new__(
        cls,
        base_url: str,
        app_id: str,
        secret: str,
        *,
        # PEM: trusted instead of what the machine trusts.
        ca_pem: Optional[bytes] = None,
        # PEM: trusted beside what the machine trusts.
        extra_root_pem: Optional[bytes] = None,
        # PEM: the chain that is shown to a platform that asks for one, and its key.
        certificate_pem: Optional[bytes] = None,
        key_pem: Optional[str] = None,
        # The address of a proxy, or `environment`.
        proxy: Optional[str] = None,
        # Seconds: of one request (30), of a connection (10), of a whole call with its tries (unbounded).
        timeout: Optional[float] = None,
        connect_timeout: Optional[float] = None,
        call_timeout: Optional[float] = None,
        # How often a call is tried, and seconds: the first wait, the longest, all together. One try if None.
        retry: Optional[tuple[int, float, float, float]] = None,
    ) -> Self: ...
    def call(
        self,
        operation: str,
        variables: Sequence[str] = ...,
        query: str = "",
        body: Optional[str] = None,
        *,
        token: Union[str, Literal[False], None] = None,
        key: Union[str, Literal[False], None] = None,
    ) -> tuple[int, str]:
        """Carries out an operation, by its `operationId` in `openapi.json`, and returns status and text of its success.

        `variables` are those of the path, in its order, not encoded; `query` is encoded; `body` is JSON. `token`: None is the client's own,
        False is none at all. `key`: None is a random `Idempotency-Key` where the platform takes one, False is none. `getAuthToken`,
        `refreshAuthToken` and `logoutAuthToken` without a body are about the client's own token; `accessToken` returns it.
        Raises CallError.
        """
    def start(
        self,
        operation: str,
        variables: Sequence[str] = ...,
        query: str = "",
        body: Optional[str] = None,
        *,
        done: Callable[[Optional[tuple[int, str]], Optional[CallError]], object],
        token: Union[str, Literal[False], None] = None,
        key: Union[str, Literal[False], None] = None,
    ) -> Pending:
        """Begins what `call` does. `done(answer, error)` is called once, in another thread; never after `Pending.cancel`."""

@final
class Verifier:
    """Verifies callbacks by the Standard Webhooks scheme."""

    def __new__(cls, secrets: Sequence[str], tolerance: Optional[float]) -> Self: ...
    def dispatch(
        self, headers: Sequence[tuple[str, str]], body: bytes, now: Optional[int] = None
    ) -> tuple[Optional[str], Literal["status", "messageConfirm", "commandRsp"], bytes]:
        """Returns the callback's id, if it is signed, its kind, and its JSON in the words of today. Raises RefusedCallback."""

def shut_down() -> None:
    """Tells nothing any more. `downlink` has it called when the interpreter ends."""
