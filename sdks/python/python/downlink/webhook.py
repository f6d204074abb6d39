"""Callbacks at the receiving end: verified, read, and each taken once.

`Verifier.dispatch` needs headers and body, and no framework:

    verifier = Verifier("whsec_…")

    @app.post("/callbacks")
    def callbacks(request):
        try:
            event = verifier.dispatch(request.headers, request.body)
        except Refused as refused:
            return Response(status=refused.status)
        ...

`Receiver` is a ready-made HTTP server around it, which answers once the handler has done its work, so that the platform repeats what was not
done. Callbacks come at least once and, for one command, in order. The platform repeats what was not answered with 2xx within 15 s, under
the same `webhook-id`; a `Window` recognises what has been done already.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Optional, Union

from . import _native
from ._generated.types import CALLBACKS, CommandRsp, MessageConfirm, StatusCallback
from .errors import DownlinkError

__all__ = ["Callback", "Event", "Receiver", "Refused", "Turn", "Verifier", "Window"]

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]
"""Headers of a request, under names in any case."""

Callback = Union[StatusCallback, MessageConfirm, CommandRsp]
"""What the platform tells: a change of a command, a direct call's acknowledgement, or its answer."""

BODY_BYTES_MAX = 1024 * 1024
"""Bytes of a callback's body: the platform takes no larger answer of a device."""

READ_WITHIN = 10.0
"""Seconds that a connection may be silent."""

_log = logging.getLogger("downlink.webhook")


@dataclass(frozen=True)
class Event:
    """A callback that may be believed."""

    id: Optional[str]
    """The same for every attempt at the same message. None if it came unsigned."""
    callback: Callback
    """What the platform tells."""


class Refused(DownlinkError):
    """A callback that is not taken. `status` is what to answer: 401 to whoever cannot be believed, 400 to what cannot be read."""

    status: int
    reason: str = ""
    """`unsigned`, `forged` (or old) or `unreadable`."""


class Verifier:
    """Whose callbacks are believed: those that are signed with one of the secrets, by the Standard Webhooks scheme.

    Two secrets are the old one and the new one while it is being changed. `downlink app callback APPID --rotate-webhook-secret` shows one.
    """

    def __init__(self, *secrets: str, tolerance: Optional[float] = 300.0):
        """
        Args:
            secrets: `whsec_` and Base64 of 24 to 64 bytes. They are never shown.
            tolerance: Seconds that a callback's time may lie from the machine's, in either direction. None: any time, for tests against a
                platform whose clock stands still.
        """
        if not secrets:
            raise ValueError("a verifier needs a secret; Verifier.unsigned() believes everybody")
        self._native = _native.Verifier(secrets, tolerance)

    @classmethod
    def unsigned(cls) -> Verifier:
        """Believes everybody, for applications without a secret: whoever reaches the receiver's address can tell it anything."""
        verifier = object.__new__(cls)
        verifier._native = _native.Verifier((), None)
        return verifier

    def dispatch(self, headers: Headers, body: bytes, *, now: Optional[int] = None) -> Event:
        """Verifies and reads a callback.

        Args:
            headers: All headers of the request.
            body: The body as it came, byte for byte.
            now: Seconds since 1970; the machine's time if None.

        Raises:
            Refused: answer its `status` then.
        """
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        try:
            mark, kind, text = self._native.dispatch([(str(name), str(value)) for name, value in pairs], bytes(body), now)
        except _native.RefusedCallback as refused:
            raise Refused(str(refused), status=refused.status, reason=refused.reason) from None
        try:
            callback: Any = CALLBACKS[kind].from_json(json.loads(text))
        except ValueError as error:
            raise Refused(f"the callback cannot be read: {error}", status=400, reason="unreadable") from None
        return Event(mark, callback)


class Turn(Enum):
    """Whether a callback is to be done now."""

    FIRST = "first"
    """Yes. Say `Window.end` afterwards."""
    RUNNING = "running"
    """It is being done. Answer 503: the platform will ask again."""
    DONE = "done"
    """It has been done. Answer 200."""


class Window:
    """Ids of the callbacks that were done last, and of those that are being done. When it is full it forgets the oldest. Threads may share
    it."""

    def __init__(self, size: int = 100_000):
        """`size`: as many as come in the time within which the platform repeats one, 24 hours at the most."""
        self._size = size
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()

    def begin(self, event: Event) -> Turn:
        """Whether a callback is to be done now. One without an id always is."""
        if event.id is None:
            return Turn.FIRST
        with self._lock:
            if event.id in self._done:
                return Turn.DONE
            if event.id in self._running:
                return Turn.RUNNING
            self._running.add(event.id)
            return Turn.FIRST

    def end(self, event: Event, done: bool) -> None:
        """It has been done, or it has failed and will be done when it is repeated."""
        if event.id is None:
            return
        with self._lock:
            self._running.discard(event.id)
            if done:
                self._done[event.id] = None
                while len(self._done) > self._size:
                    self._done.popitem(last=False)


class Receiver:
    """A server that takes callbacks and hands each to a handler, once.

    | answer | when |
    |---|---|
    | 200 | the handler has done its work, now or at an earlier attempt |
    | 400 | the body cannot be read |
    | 401 | the callback is not signed, forged or old |
    | 405, 408, 411, 413 | it is no POST, too slow, says no length, or is larger than 1 MiB |
    | 500 | the handler raised: the platform will repeat it |
    | 503 | the handler still works at an earlier attempt: the platform will repeat it |

    It speaks HTTP/1.1 in the clear: TLS is the affair of whatever stands before it. Every path is the same to it. Several callbacks come at
    a time, each in a thread of its own; those of one command come one after the other. The platform hangs up after 15 s: work that takes
    longer belongs into a queue.

        with Receiver(Verifier(secret), handle) as receiver:
            client.post_device_command(device_id, command, callback_url=receiver.url)
    """

    def __init__(
        self,
        verifier: Verifier,
        handler: Callable[[Event], object],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        window: Optional[Window] = None,
    ):
        """Listens from now on; `start` or `serve_forever` answers.

        Args:
            verifier: Whose callbacks are taken.
            handler: Called once for each. What it raises makes the platform repeat the callback later.
            host: Where to listen.
            port: 0 is any that is free.
            window: What has been done already; one of 100,000 callbacks if None.
        """
        self._verifier, self._handler, self._window = verifier, handler, window or Window()
        receiver = self

        class Handler(_Handler):
            take = staticmethod(receiver._take)

        self._server = _Server((host, port), Handler)
        self._thread: Optional[threading.Thread] = None
        self._serves = False

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:40123`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Receiver:
        """Answers in a thread of its own."""
        if self._thread is None:
            self._serves = True
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="downlink-callbacks", daemon=True)
            self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Answers in this thread, until `close` is called in another one."""
        self._serves = True
        self._server.serve_forever(0.05)

    def close(self) -> None:
        """Takes no more callbacks."""
        if self._serves:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Receiver:
        return self.start()

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _take(self, headers: list[tuple[str, str]], body: bytes) -> int:
        """The status to answer."""
        try:
            event = self._verifier.dispatch(headers, body)
        except Refused as refused:
            _log.warning("a callback is refused: %s", refused)
            return refused.status
        turn = self._window.begin(event)
        if turn is not Turn.FIRST:
            return 200 if turn is Turn.DONE else 503
        done = False
        try:
            self._handler(event)
            done = True
        except Exception:
            _log.exception("the handler of callback %s failed", event.id)
        finally:
            self._window.end(event, done)
        return 200 if done else 500


class _Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a connection for callbacks broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = READ_WITHIN
    take: Callable[[list[tuple[str, str]], bytes], int]

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._answer(411)
        elif int(length) > BODY_BYTES_MAX:
            self._answer(413)
        else:
            try:
                body = self.rfile.read(int(length))
            except socket.timeout:
                self._answer(408)
                return
            if len(body) < int(length):
                self.close_connection = True
            else:
                self._answer(self.take(list(self.headers.items()), body))

    def _refuse(self) -> None:
        self._answer(405)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = _refuse

    def _answer(self, status: int) -> None:
        # What was not read would be taken for the next request.
        if status in (405, 408, 411, 413):
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        _log.debug(format, *arguments)
