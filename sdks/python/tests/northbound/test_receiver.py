"""`PushMessageReceiver`: dispatch, the ready server, WSGI, and signatures. What the platform itself sends is in other tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import io
import json
import logging
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Optional
from wsgiref.validate import validator

import pytest

from downlink.northbound._handlers import HANDLERS
from downlink.northbound.client.dto.NBCommandResult import NBCommandResult
from downlink.northbound.client.dto.NotifyCommandRspDTO import NotifyCommandRspDTO
from downlink.northbound.client.dto.NotifyMessageConfirmDTO import NotifyMessageConfirmDTO
from downlink.northbound.client.dto.NotifyNBCommandStatusChangedDTO import NotifyNBCommandStatusChangedDTO
from downlink.northbound.client.invokeapi.PushMessageReceiver import (
    BODY_BYTES_MAX,
    PushMessageReceiver,
    ReceiverApp,
    RunningReceiver,
    request,
)

STATUS = {"deviceId": "d1", "commandId": "c1", "result": {"resultCode": "SUCCESSFUL", "resultDetail": {"x": 1}}}
CONFIRM = {
    "notifyType": "messageConfirm",
    "header": {"requestId": "r1", "from": "/devices/d1", "to": None, "status": "delivered", "timestamp": "20260102T030405Z"},
    "body": {},
}
RSP = {
    "notifyType": "commandRsp",
    "header": {"requestId": "r1", "from": "/devices/d1", "to": "me", "deviceId": "d1", "serviceType": "S", "method": "SET-RSP"},
    "body": {"result": 0},
}
ROOT, CMD = "/v1.0.0/messageReceiver", "/v1.0.0/messageReceiver/cmd"


class Told(PushMessageReceiver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def handleBody(self, body: str) -> None:
        self.told.append(body)

    def handleNBCommandStateChanged(self, body: NotifyNBCommandStatusChangedDTO) -> None:
        self.told.append(body)

    def handleMessageConfirm(self, body: NotifyMessageConfirmDTO) -> None:
        self.told.append(body)

    def handleCommandRsp(self, body: NotifyCommandRspDTO) -> None:
        self.told.append(body)


def post(
    running: RunningReceiver, path: str, body: bytes, headers: Optional[dict[str, str]] = None, method: str = "POST"
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_status_reaches_its_handler_with_its_members() -> None:
    receiver = Told()
    assert receiver.dispatch(json.dumps(STATUS)) == "ok"
    text, body = receiver.told
    assert json.loads(text) == STATUS
    assert isinstance(body, NotifyNBCommandStatusChangedDTO)
    assert (body.deviceId, body.getCommandId()) == ("d1", "c1")
    assert isinstance(body.result, NBCommandResult)
    assert body.getResult() is body.result
    assert (body.result.resultCode, body.result.getResultDetail()) == ("SUCCESSFUL", {"x": 1})
    assert body["result"]["resultDetail"] == {"x": 1}
    assert (body.get("nothing", 7), "commandId" in body, list(body)) == (7, True, list(STATUS))


def test_pushes_reach_their_handlers_with_headers() -> None:
    receiver = Told()
    assert receiver.dispatch(json.dumps(CONFIRM).encode()) == "ok"
    assert receiver.dispatch(json.dumps(RSP)) == "ok"
    confirm, rsp = receiver.told[1::2]
    assert isinstance(confirm, NotifyMessageConfirmDTO) and isinstance(rsp, NotifyCommandRspDTO)
    assert (confirm.header.from_, confirm.header.getFrom(), confirm.header.to) == ("/devices/d1", "/devices/d1", None)
    assert confirm.header.getTimestamp() == confirm.header.getTimeStamp() == "20260102T030405Z"
    assert (rsp.header.method, rsp.getHeader().getServiceType(), rsp.body) == ("SET-RSP", "S", {"result": 0})


def test_a_handler_needs_no_parameter() -> None:
    seen: list[Any] = []

    class Bare(PushMessageReceiver):
        def handleNBCommandStateChanged(self) -> None:
            seen.append((request.json, request.get_json(), json.loads(request.data), json.loads(request.get_data(as_text=True))))

        def handleCommandRsp(self, *bodies: Any) -> None:
            seen.append(len(bodies))

        def handleMessageConfirm(self, body: Any = None) -> None:
            seen.append(body.header.requestId)

    receiver = Bare()
    receiver.dispatch(json.dumps(STATUS))
    receiver.dispatch(json.dumps(RSP))
    receiver.dispatch(json.dumps(CONFIRM))
    assert seen == [(STATUS, STATUS, STATUS, STATUS), 1, "r1"]
    assert request.json is None


@pytest.mark.parametrize("kind", [kind for kind in HANDLERS if kind != "commandStatus"])
def test_every_notify_type_of_the_vendor_has_a_handler(kind: str) -> None:
    seen: list[Any] = []
    receiver = PushMessageReceiver()
    setattr(receiver, HANDLERS[kind][0], seen.append)
    message = {"notifyType": kind, "deviceId": "d1", "header": {}}
    assert receiver.dispatch(json.dumps(message)) == "ok"
    [body] = seen
    assert body["deviceId"] == body.get("deviceId") == "d1"
    assert body.notifyType == kind


def test_a_member_that_a_message_lacks_is_no_attribute() -> None:
    seen: list[Any] = []
    receiver = PushMessageReceiver()
    receiver.handleDeviceAdded = seen.append  # type: ignore[method-assign]
    receiver.dispatch('{"notifyType":"deviceAdded","deviceId":"d1"}')
    assert seen[0].deviceId == "d1"
    with pytest.raises(AttributeError, match="no member gatewayId"):
        _ = seen[0].gatewayId


@pytest.mark.parametrize(
    "message",
    [{"notifyType": "newest"}, {"notifyType": None}, {"notifyType": ["x"]}, {"x": 1}, {"notifyType": "commandStatus"}],
)
def test_unknown_types_are_ignored(message: Any) -> None:
    receiver = Told()
    assert receiver.dispatch(json.dumps(message)) == "ok"
    assert len(receiver.told) == 1


@pytest.mark.parametrize("text", ["", "no json", "[]", "7", b"\xff"])
def test_what_is_no_message_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        Told().dispatch(text)


def test_the_stock_class_does_nothing() -> None:
    for message in (STATUS, CONFIRM, RSP):
        assert PushMessageReceiver().dispatch(json.dumps(message)) == "ok"


def test_both_paths_answer_ok() -> None:
    receiver = Told()
    with receiver.start() as running:
        for path in (ROOT, CMD):
            for message in (STATUS, CONFIRM, RSP):
                assert post(running, path, json.dumps(message).encode()) == (200, "ok")
        assert post(running, f"{ROOT}?x=1", b'{"notifyType":"newest"}') == (200, "ok")
    assert len(receiver.told) == 13


def test_the_server_refuses_what_is_no_message() -> None:
    receiver = Told()
    with receiver.start() as running:
        assert post(running, "/elsewhere", b"{}")[0] == 404
        assert post(running, ROOT, b"", method="GET")[0] == 405
        assert post(running, ROOT, b"no json")[0] == 400
        assert post(running, ROOT, b" " * (BODY_BYTES_MAX + 1))[0] == 413
        assert post(running, ROOT, b"", {"Transfer-Encoding": "chunked"})[0] == 411
    assert receiver.told == []


def test_a_handler_that_fails_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(PushMessageReceiver):
        def handleNBCommandStateChanged(self, body: Any) -> None:
            raise ValueError("full")

        def handleCommandRsp(self, body: Any) -> None:
            raise KeyError("full")

    with caplog.at_level(logging.ERROR, "downlink.northbound"), Failing().start() as running:
        assert post(running, CMD, json.dumps(STATUS).encode())[0] == 500
        assert post(running, ROOT, json.dumps(RSP).encode())[0] == 500
    assert caplog.text.count("a handler failed") == 2
    with pytest.raises(ValueError, match="full"):
        Failing().dispatch(json.dumps(STATUS))


def test_messages_are_handled_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)
    seen: list[str] = []

    class Slow(PushMessageReceiver):
        def handleNBCommandStateChanged(self) -> None:
            both.wait()
            seen.append(request.json["commandId"])

    with Slow().start() as running:
        bodies = [json.dumps({**STATUS, "commandId": name}).encode() for name in ("a", "b")]
        threads = [threading.Thread(target=post, args=(running, CMD, body)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == ["a", "b"]


def test_the_application_is_sound_wsgi() -> None:
    receiver = Told()
    checked = validator(ReceiverApp(receiver))
    answers: list[str] = []

    def answer(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        answers.append(status)

    body = json.dumps(STATUS).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": CMD,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    result = checked(environ, answer)
    assert list(result) == [b"ok"]
    result.close()  # type: ignore[attr-defined]
    assert answers == ["200 OK"]
    assert receiver.told[1].commandId == "c1"
    large = ReceiverApp(receiver)({**environ, "CONTENT_LENGTH": str(BODY_BYTES_MAX + 1)}, lambda status, headers: answers.append(status))
    assert list(large) == [b"the message is too large"]
    assert answers[1].startswith("413 ")


DERIVED = """
from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver, ReceiverApp, app
body = b'{"deviceId":"d1","commandId":"c1","result":{}}'
path = "/v1.0.0/messageReceiver/cmd"
assert ReceiverApp().receive("POST", path, [], body) == (200, "ok")
seen = []
class Base(PushMessageReceiver):
    pass
class Mine(Base):
    def handleNBCommandStateChanged(self, body):
        seen.append(body.commandId)
assert app.receive("POST", path, [], body) == (200, "ok")
assert (type(app.receiver), seen) == (Mine, ["c1"])
class Other(PushMessageReceiver):
    pass
several = ReceiverApp()
assert several.receive("POST", path, [], body)[0] == 500
several.receiver = Other()
assert several.receive("POST", path, [], body) == (200, "ok")
"""


def test_app_takes_the_only_class_that_is_derived() -> None:
    done = subprocess.run([sys.executable, "-c", DERIVED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "there are several receivers (Base, Other): set app.receiver" in done.stderr


def test_run_takes_what_flask_takes_and_ends_with_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str]] = []

    def interrupted(running: RunningReceiver) -> None:
        seen.append(post(running, CMD, json.dumps(STATUS).encode()))
        raise KeyboardInterrupt

    monkeypatch.setattr(RunningReceiver, "wait", interrupted)
    ReceiverApp(Told()).run(host="127.0.0.1", port=0, debug=False, threaded=True)
    Told().run("127.0.0.1", 0)
    assert seen == [(200, "ok")] * 2
    with pytest.raises(TypeError, match="processes"):
        ReceiverApp(Told()).run(port=0, processes=2)
    with pytest.raises(ValueError, match="no certificate is made up"):
        ReceiverApp(Told()).run(port=0, ssl_context="adhoc")


def test_over_tls(tmp_path: Path) -> None:
    files = (str(tmp_path / "crt"), str(tmp_path / "key"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run(made, check=True, capture_output=True)
    receiver = Told()
    with receiver.start(ssl_context=files) as running:
        assert running.url.startswith("https://127.0.0.1:")
        # A client that says nothing delays nobody.
        silent = http.client.HTTPConnection("127.0.0.1", running.port)
        silent.connect()
        context = ssl.create_default_context(cafile=files[0])
        connection = http.client.HTTPSConnection("127.0.0.1", running.port, timeout=10, context=context)
        connection.request("POST", CMD, json.dumps(STATUS))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok")
        connection.close()
        silent.close()
    assert receiver.told[1].commandId == "c1"


def signed(body: bytes, secret: bytes, at: int) -> dict[str, str]:
    mac = hmac.new(secret, b"c1.1.%d." % at + body, hashlib.sha256).digest()
    return {"webhook-id": "c1.1", "webhook-timestamp": str(at), "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def test_with_a_secret_only_signed_messages_are_taken() -> None:
    key = bytes(range(32))
    text = "whsec_" + base64.b64encode(key).decode()
    receiver = Told()
    body, now = json.dumps(STATUS).encode(), int(time.time())
    pushed = json.dumps({"notifyType": "deviceAdded", "deviceId": "d1"}).encode()
    with receiver.start(secrets=[text]) as running:
        assert post(running, CMD, body)[0] == 401
        assert post(running, CMD, body, signed(body, b"another key", now))[0] == 401
        assert post(running, CMD, body, signed(body, key, now - 3600))[0] == 401
        assert receiver.told == []
        assert post(running, CMD, body, signed(body, key, now)) == (200, "ok")
        assert post(running, ROOT, pushed, signed(pushed, key, now)) == (200, "ok")
    assert len(receiver.told) == 3
