"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Optional

from . import _native
from ._call import Call, Key, Reply, Token, Watch
from ._generated.aio import AsyncOperations
from .client import Base

__all__ = ["AsyncClient"]

Answer = tuple[int, str]
"""Status and text."""


class AsyncClient(Base, AsyncOperations):
    """A client for asyncio: every call is a coroutine, and the event loop runs meanwhile. Event loops and threads may share it.

    Each operation of the contract is a method under its name there, in snake case; see `Client`. A call that is cancelled is given up: its
    connection is closed, and whether the platform has carried it out is not known. `asyncio.wait_for` bounds a call, and so does
    `call_timeout`.

        async with downlink.AsyncClient("https://platform:8743", "app", secret, ca="ca.pem") as client:
            command = await client.post_device_command(device_id, downlink.Command("WaterMeter", "SET_PERIOD", {"value": 12}))
    """

    async def call(
        self,
        operation: str,
        variables: Sequence[str] = (),
        *,
        query: str = "",
        body: Optional[str] = None,
        access_token: Token = None,
        idempotency_key: Key = None,
    ) -> Reply:
        """As `Client.call`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def done(answer: Optional[Answer], error: Optional[_native.CallError]) -> None:
            try:
                loop.call_soon_threadsafe(_settle, future, answer, error)
            except RuntimeError:
                # The loop has been closed: nobody waits any more.
                pass

        native, watch = self._open(), Watch(operation)
        pending = native.start(
            operation, variables, query, body, done=done, token=access_token, key=idempotency_key
        )
        try:
            return watch.answered(await future)
        except _native.CallError as error:
            raise watch.failed(error) from None
        finally:
            # Without effect once it is done.
            pending.cancel()

    async def access_token(self) -> str:
        """The token that calls of this client carry now: fetched or renewed if need be."""
        return self._token or (await self.call("accessToken")).text

    async def aclose(self) -> None:
        """Lets go of the connections. The token stays valid: others may use it. `logout_auth_token` ends it."""
        self._native = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()

    async def _carry_out(self, call: Call[Any]) -> Any:
        return call.read(
            await self.call(
                call.operation,
                call.variables,
                query=self._query(call),
                body=call.text(),
                access_token=self._token,
                idempotency_key=call.key,
            )
        )


def _settle(
    future: asyncio.Future[Answer], answer: Optional[Answer], error: Optional[_native.CallError]
) -> None:
    """In the loop's own thread."""
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    elif answer is not None:
        future.set_result(answer)
