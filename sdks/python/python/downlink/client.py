"""The client that blocks."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Optional, TypeVar

from . import _data, _native
from ._call import Call, Key, Reply, Token, Watch
from ._generated.operations import Operations
from ._settings import Pem, Retry, native
from .errors import SettingError

__all__ = ["Client"]

B = TypeVar("B", bound="Base")

_OWNERS = ("appId", "accessAppId")
"""What the owner is called in a query: the second with device groups."""


class Base:
    """What both clients share."""

    def __init__(
        self,
        base_url: str,
        app_id: str,
        secret: str,
        *,
        ca: Optional[Pem] = None,
        extra_ca: Optional[Pem] = None,
        client_certificate: Optional[tuple[Pem, Pem]] = None,
        proxy: Optional[str] = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        call_timeout: Optional[float] = None,
        retry: Optional[Retry] = None,
    ):
        """A client of the platform at `base_url` (`https://host:8743`). Nothing is sent yet.

        Args:
            app_id: The application.
            secret: Its secret. It is never shown, in no representation and no error.
            ca: Certificates that are trusted instead of those that the machine trusts, such as the platform's own CA.
            extra_ca: Certificates that are trusted beside those that the machine trusts.
            client_certificate: The chain that is shown to a platform which asks for one, the client's own first, and its private key.
            proxy: The address of a proxy, or `environment` for the one that HTTPS_PROXY and the like name. None if not given.
            timeout: Seconds that one request may take, to the last byte of its answer. A call with `to_type` CLOUD alone may take 20.
            connect_timeout: Seconds until a connection must have come about.
            call_timeout: Seconds that a whole call may take: logins, tries and waits between them included. Without a bound if None.
            retry: When a call is tried again. None: never, but for a token that the platform refuses, which is replaced once.

        Raises:
            SettingError: if the address is no `http` or `https` one, or certificates, key or proxy cannot be used.
        """
        self._owner: Optional[str] = None
        self._token: Optional[str] = None
        self._native: Optional[_native.Client] = native(
            base_url,
            app_id,
            secret,
            ca=ca,
            extra_ca=extra_ca,
            client_certificate=client_certificate,
            proxy=proxy,
            timeout=timeout,
            connect_timeout=connect_timeout,
            call_timeout=call_timeout,
            retry=retry,
        )

    def for_owner(self: B, app_id: str) -> B:
        """The same client acting on resources of another application, which has granted this one access. Both share connections and
        token. Calls that name an `app_id` or `access_app_id` themselves go by that."""
        other = self._copy()
        other._owner = app_id
        return other

    def with_access_token(self: B, token: str) -> B:
        """The same client under a token that somebody else keeps, such as another process: the platform knows one login of an application
        at a time. When the platform refuses it, the caller is told (1010005)."""
        other = self._copy()
        other._token = token
        return other

    def _copy(self: B) -> B:
        other: B = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __repr__(self) -> str:
        shown = "closed" if self._native is None else repr(self._native)
        owner = "" if self._owner is None else f" for {self._owner!r}"
        return f"<{type(self).__name__} {shown}{owner}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client holds a secret and is not pickled; make one where it is needed")

    def _open(self) -> _native.Client:
        if self._native is None:
            raise SettingError("the client is closed")
        return self._native

    def _query(self, call: Call[Any]) -> str:
        """The query of a call, with the owner where the operation has one and the caller names none."""
        pairs = ((name, self._owner if name in _OWNERS and value is None else value) for name, value in call.query)
        return _data.query(tuple(pairs))


class Client(Base, Operations):
    """A client that blocks until the answer is there. Other threads of Python run meanwhile, and may share the client.

    Each operation of the contract is a method under its name there, in snake case. Each logs in by itself when there is no token, and
    renews it before it ends. Every failure is a `DownlinkError`. A context manager closes it; a forked child may go on using it.

        with downlink.Client("https://platform:8743", "app", secret, ca="ca.pem") as client:
            command = client.post_device_command(device_id, downlink.Command("WaterMeter", "SET_PERIOD", {"value": 12}))
    """

    def call(
        self,
        operation: str,
        variables: Sequence[str] = (),
        *,
        query: str = "",
        body: Optional[str] = None,
        access_token: Token = None,
        idempotency_key: Key = None,
    ) -> Reply:
        """Carries out an operation by its `operationId` in openapi.json, with texts as they are: for what the methods cannot say.

        Args:
            operation: Such as `postDeviceCommand`.
            variables: Those of the path, in its order, not encoded.
            query: Encoded, without its question mark. `for_owner` has no part in it.
            body: JSON; for `getAuthToken` a form. It is sent unchanged.
            access_token: A token; None: the client's own; False: none, and no `app_key` either.
            idempotency_key: None: a random one, where the platform takes one; False: none.
        """
        native, watch = self._open(), Watch(operation)
        try:
            answer = native.call(operation, variables, query, body, token=access_token, key=idempotency_key)
        except _native.CallError as error:
            raise watch.failed(error) from None
        return watch.answered(answer)

    def access_token(self) -> str:
        """The token that calls of this client carry now: fetched or renewed if need be."""
        return self._token or self.call("accessToken").text

    def close(self) -> None:
        """Lets go of the connections. The token stays valid: others may use it. `logout_auth_token` ends it."""
        self._native = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _carry_out(self, call: Call[Any]) -> Any:
        return call.read(
            self.call(
                call.operation,
                call.variables,
                query=self._query(call),
                body=call.text(),
                access_token=self._token,
                idempotency_key=call.key,
            )
        )
