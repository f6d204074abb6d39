"""Receives what the platform tells.

    from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver

    class Receiver(PushMessageReceiver):
        def handleNBCommandStateChanged(self, body):
            print(body.commandId, body.result.resultCode)

    Receiver().run("0.0.0.0", 8099, ssl_context=("cert/server.crt", "cert/server.key"))

`dispatch(text)` takes a message from whatever web framework has received it. `app` is an application of WSGI, for every server that runs
such; `app.run(host, port, ssl_context)` needs nothing but the standard library.
"""

from __future__ import annotations

import contextvars
import inspect
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Callable, Optional, Union

from downlink import _native
from downlink.northbound._handlers import COMMAND_STATUS, HANDLERS, Handlers

_log = logging.getLogger("downlink.northbound")

PATHS = ("/v1.0.0/messageReceiver", "/v1.0.0/messageReceiver/cmd")
"""Where messages are posted to: every notifyType to the first, the status of commands to the second. Either takes both."""
BODY_BYTES_MAX = 1024 * 1024
"""The largest message that is taken; what is larger is answered with 413."""
_CONNECTION_TIMEOUT = 30.0
_DRAIN_TIMEOUT = 2.0

SslContext = Union[ssl.SSLContext, tuple[str, str], None]
Headers = Sequence[tuple[str, str]]

_text: contextvars.ContextVar[str] = contextvars.ContextVar("downlink_message", default="")


class Request:
    """The message that is being handled, for handlers without a parameter: `request.json`. Elsewhere it is None."""

    @property
    def json(self) -> Any:
        """The message as JSON: a dict."""
        return json.loads(_text.get()) if _text.get() else None

    @property
    def data(self) -> bytes:
        """The message's text, in UTF-8."""
        return _text.get().encode()

    def get_json(self) -> Any:
        """The same as `json`."""
        return self.json

    def get_data(self, as_text: bool = False) -> Union[str, bytes]:
        """The message's text."""
        return _text.get() if as_text else self.data


request = Request()


class PushMessageReceiver(Handlers):
    """Takes the platform's messages. Override the handlers that are of interest; the others do nothing.

    A handler may have one parameter, which is the message, or none; `request.json` is the message in either case. What it returns is
    ignored. What it raises makes the answer a 500, and the platform sends the message again, later each time, for a day (R5.2). Be
    ready for the same message twice, and for several at once: each comes in a thread of its own.
    """

    def handleBody(self, body: str) -> None:
        """Gets the text of every message, before its handler."""

    def dispatch(self, text: Union[str, bytes]) -> str:
        """Calls the handlers for a message, and returns what to answer with status 200: `ok`.

        A message without notifyType is a change of a command's status. An unknown notifyType is ignored.

        `ValueError` for what is no JSON object; a handler's own exception goes through.
        """
        decoded = text.decode() if isinstance(text, bytes) else text
        message = json.loads(decoded)
        if not isinstance(message, dict):
            raise ValueError("the message is no JSON object")
        before = _text.set(decoded)
        try:
            self.handleBody(decoded)
            self._handle(message)
        finally:
            _text.reset(before)
        return "ok"

    def run(self, host: Optional[str] = None, port: Optional[int] = None, ssl_context: SslContext = None) -> None:
        """Receives until the process ends or Ctrl-C. See `ReceiverApp.run`."""
        ReceiverApp(self).run(host, port, ssl_context=ssl_context)

    def start(
        self, host: str = "127.0.0.1", port: int = 0, ssl_context: SslContext = None, secrets: Sequence[str] = ()
    ) -> RunningReceiver:
        """Receives in the background. See `ReceiverApp.start`.

        :param secrets: webhook secrets of the application (`whsec_…`); with them, unsigned messages are refused.
        """
        return ReceiverApp(self, secrets).start(host, port, ssl_context)

    def _handle(self, message: Mapping[str, Any]) -> None:
        kind = message.get("notifyType")
        if kind is None:
            kind = COMMAND_STATUS
        if not isinstance(kind, str) or kind not in HANDLERS or (kind == COMMAND_STATUS and "commandId" not in message):
            _log.info("a message of the unknown type %.64r is ignored", kind)
            return
        name, read = HANDLERS[kind]
        handler = getattr(self, name)
        if _takes_message(handler):
            handler(read._of(message))
        else:
            handler()


def _takes_message(handler: Callable[..., Any]) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return any(one.kind in kinds for one in inspect.signature(handler).parameters.values())


class ReceiverApp:
    """An application of WSGI that hands messages to a receiver.

    :param receiver: who gets the messages. None chooses when the first one comes: the only class that was derived from
        `PushMessageReceiver`, or that class itself if none was.
    :param secrets: webhook secrets of the application (`whsec_…`). With them, a message must be signed with one of them and be no older
        than `tolerance` seconds; others are answered with 401. Without them, whoever reaches the address is believed.
    """

    tolerance: Optional[float] = 300.0
    """How far from now a signature's time may lie, in seconds; None for any, which tests with a test clock need."""

    def __init__(self, receiver: Optional[PushMessageReceiver] = None, secrets: Sequence[str] = ()) -> None:
        self.receiver = receiver
        self.secrets = tuple(secrets)

    def receive(self, method: str, path: str, headers: Headers, body: bytes) -> tuple[int, str]:
        """Status and text for a request, whoever has received it."""
        if path not in PATHS:
            return 404, "there is nothing here"
        if method != "POST":
            return 405, "messages are posted"
        refused = self._refused(headers, body)
        if refused is not None:
            return refused
        try:
            return 200, self._chosen().dispatch(body)
        except ValueError as error:
            if _is_message(body):
                _log.exception("a handler failed")
                return 500, "the handler failed"
            return 400, f"the message cannot be read: {error}"
        except Exception:
            _log.exception("a handler failed")
            return 500, "the handler failed"

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI wants it."""
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit():
            status, text = 411, "the length is missing"
        elif int(length) > BODY_BYTES_MAX:
            status, text = 413, "the message is too large"
        else:
            headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
            body = environ["wsgi.input"].read(int(length))
            status, text = self.receive(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), headers, body)
        data = text.encode()
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(data)))],
        )
        return [data]

    def run(self, host: Optional[str] = None, port: Optional[int] = None, **options: Any) -> None:
        """Receives until the process ends or Ctrl-C.

        :param host: the address to listen on; None is `127.0.0.1`.
        :param port: None is 5000.
        :param ssl_context: the files of certificate and key, in PEM, or a context of `ssl`. None speaks plain HTTP. `debug` and `threaded` are
            taken and ignored.
        """
        context = options.pop("ssl_context", None)
        unknown = set(options) - {"debug", "threaded", "load_dotenv", "use_reloader"}
        if unknown:
            raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
        running = self.start(host or "127.0.0.1", 5000 if port is None else port, context)
        try:
            running.wait()
        except KeyboardInterrupt:
            pass
        finally:
            running.close()

    def start(self, host: str = "127.0.0.1", port: int = 0, ssl_context: SslContext = None) -> RunningReceiver:
        """Receives in the background, in threads that end with the process.

        :param port: 0 lets the system choose; `RunningReceiver.port` says which.
        """
        return RunningReceiver(self, host, port, ssl_context)

    def _refused(self, headers: Headers, body: bytes) -> Optional[tuple[int, str]]:
        if not self.secrets:
            return None
        try:
            _native.Verifier(list(self.secrets), self.tolerance).dispatch(list(headers), body)
        except _native.RefusedCallback as refused:
            # What the core cannot read, though it is signed, may still be a message for a handler.
            if refused.reason != "unreadable":
                return refused.status, "the signature does not fit"
        return None

    def _chosen(self) -> PushMessageReceiver:
        if self.receiver is None:
            self.receiver = _only(PushMessageReceiver)()
        return self.receiver


def _only(kind: type[PushMessageReceiver]) -> type[PushMessageReceiver]:
    derived = kind.__subclasses__()
    if not derived:
        return kind
    if len(derived) > 1:
        names = ", ".join(one.__qualname__ for one in derived)
        raise RuntimeError(f"there are several receivers ({names}): set app.receiver")
    return _only(derived[0])


def _is_message(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


class RunningReceiver:
    """A receiver that listens. Leaving the `with` block, or `close`, ends it."""

    def __init__(self, app: ReceiverApp, host: str, port: int, ssl_context: SslContext) -> None:
        self._server = _Server(app, host, port, _context(ssl_context))
        self._thread = threading.Thread(target=self._server.serve_forever, name="downlink-receiver", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address for notifyTypes; with `/cmd` after it, that for the status of commands."""
        scheme = "http" if self._server.context is None else "https"
        host = str(self._server.server_address[0])
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{PATHS[0]}"

    def wait(self) -> None:
        """Waits until it is closed."""
        while self._thread.is_alive():
            self._thread.join(1.0)

    def close(self) -> None:
        """Listens no more. What is being handled goes on in its own thread."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> RunningReceiver:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: ReceiverApp, host: str, port: int, context: Optional[ssl.SSLContext]) -> None:
        self.app = app
        self.context = context
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a connection of a receiver failed", exc_info=True)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _CONNECTION_TIMEOUT
    server: _Server

    def setup(self) -> None:
        # The handshake is in the connection's own thread, so that a silent client delays nobody.
        self.request.settimeout(self.timeout)
        if self.server.context is not None:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            # The server closes what it accepted, which the wrapped socket has taken over.
            self.request.close()

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self._answer(411, "the length is missing", close=True)
        elif int(length) > BODY_BYTES_MAX:
            self._answer(413, "the message is too large", close=True)
        else:
            body = self.rfile.read(int(length))
            status, text = self.server.app.receive("POST", self.path.split("?")[0], self.headers.items(), body)
            self._answer(status, text)

    def do_GET(self) -> None:
        status, text = self.server.app.receive("GET", self.path.split("?")[0], [], b"")
        self._answer(status, text)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def _answer(self, status: int, text: str, close: bool = False) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        if close:
            self._drain()

    def _drain(self) -> None:
        """Reads what still comes, within bounds: who is cut off while it sends does not see the answer."""
        self.request.settimeout(_DRAIN_TIMEOUT)
        left = 16 * BODY_BYTES_MAX
        try:
            while left > 0 and (read := len(self.request.recv(65536))) > 0:
                left -= read
        except OSError:
            pass


def _context(given: SslContext) -> Optional[ssl.SSLContext]:
    if given is None or isinstance(given, ssl.SSLContext):
        return given
    if isinstance(given, str):
        raise ValueError("ssl_context: the files of certificate and key; no certificate is made up here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*given)
    return context


app = ReceiverApp()
"""An application of WSGI for `PushMessageReceiver`, or for the class that was derived from it."""
