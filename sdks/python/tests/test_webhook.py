"""Callbacks: verified, read, each taken once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import queue
import threading
from collections.abc import Iterator
from typing import Optional

import pytest

import downlink
from downlink import Command, CommandRsp, CommandStatus, InvokeHeader, MessageConfirm, StatusCallback
from downlink import webhook
from downlink.webhook import Event, Receiver, Refused, Turn, Verifier, Window
from platform_bed import Device, Platform

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER = "whsec_" + base64.b64encode(KEY[::-1]).decode()
BODY = b'{"deviceId":"d","commandId":"c","result":{"resultCode":"SENT","resultDetail":null}}'
NOW = 1_700_000_000


def signed(body: bytes = BODY, at: int = NOW, mark: str = "c.1", key: bytes = KEY) -> dict[str, str]:
    """The headers that the platform would send."""
    digest = hmac.new(key, f"{mark}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"Webhook-Id": mark, "webhook-timestamp": str(at), "WEBHOOK-SIGNATURE": "v1," + base64.b64encode(digest).decode()}


def test_what_is_signed_with_either_secret_is_believed() -> None:
    for secrets in ((SECRET,), (OTHER, SECRET), (SECRET, OTHER)):
        event = Verifier(*secrets).dispatch(signed(), BODY, now=NOW)
        assert event.id == "c.1" and isinstance(event.callback, StatusCallback)
        assert (event.callback.command_id, event.callback.result.result_code) == ("c", CommandStatus.SENT)


@pytest.mark.parametrize(
    ("headers", "body", "status", "reason"),
    [
        ({}, BODY, 401, "unsigned"),
        (signed(key=b"x" * 32), BODY, 401, "forged"),
        (signed(), BODY + b" ", 401, "forged"),
        (signed(at=NOW - 301), BODY, 401, "forged"),
        (signed(at=NOW + 301), BODY, 401, "forged"),
        (signed(b"{"), b"{", 400, "unreadable"),
        (signed(b'{"notifyType":"new"}'), b'{"notifyType":"new"}', 400, "unreadable"),
    ],
)
def test_what_cannot_be_believed_or_read_is_refused(headers: dict[str, str], body: bytes, status: int, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        Verifier(SECRET).dispatch(headers, body, now=NOW)
    assert (refused.value.status, refused.value.reason) == (status, reason)


def test_the_window_of_time_is_the_receivers_affair() -> None:
    Verifier(SECRET, tolerance=None).dispatch(signed(at=0), BODY)
    with pytest.raises(Refused):
        Verifier(SECRET, tolerance=10).dispatch(signed(at=NOW - 11), BODY, now=NOW)
    with pytest.raises(Refused):
        Verifier(SECRET).dispatch(signed(), BODY)


def test_without_a_secret_everybody_is_believed_and_only_on_purpose() -> None:
    assert Verifier.unsigned().dispatch([], BODY).id is None
    with pytest.raises(ValueError, match="unsigned"):
        Verifier()
    with pytest.raises(ValueError) as refused:
        Verifier("whsec_short")
    assert "short" not in str(refused.value)


def test_the_older_words_are_read_as_todays() -> None:
    for old, word in (("SUCCESS", CommandStatus.SUCCESSFUL), ("FAIL", CommandStatus.FAILED)):
        event = Verifier.unsigned().dispatch({}, BODY.replace(b"SENT", old.encode()))
        assert isinstance(event.callback, StatusCallback) and event.callback.result.result_code is word


def test_a_window_knows_what_runs_and_what_was_done() -> None:
    window, one, two = Window(1), Event("1", None), Event("2", None)  # type: ignore[arg-type]
    assert [window.begin(one), window.begin(one)] == [Turn.FIRST, Turn.RUNNING]
    window.end(one, done=False)
    assert window.begin(one) is Turn.FIRST
    window.end(one, done=True)
    assert window.begin(one) is Turn.DONE
    assert window.begin(two) is Turn.FIRST
    window.end(two, done=True)
    assert window.begin(one) is Turn.FIRST, "it has room for one"


class Inbox:
    """A receiver whose callbacks a test looks at."""

    def __init__(self, verifier: Verifier):
        self.events: queue.Queue[Event] = queue.Queue()
        self.fails = 0
        self.receiver = Receiver(verifier, self._handle)

    def _handle(self, event: Event) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("not now")
        self.events.put(event)

    def next(self) -> Event:
        return self.events.get(timeout=30)


def post(receiver: Receiver, body: bytes, headers: Optional[dict[str, str]] = None, method: str = "POST") -> int:
    host, _, port = receiver.url[len("http://") :].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request(method, "/any/path", body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox(Verifier(SECRET, tolerance=None))
    with inbox.receiver:
        yield inbox


def test_a_receiver_does_each_callback_once(inbox: Inbox) -> None:
    assert [post(inbox.receiver, BODY, signed()) for _ in range(3)] == [200] * 3
    assert inbox.next().id == "c.1" and inbox.events.empty()


def test_what_the_handler_fails_at_is_asked_for_again(inbox: Inbox) -> None:
    inbox.fails = 1
    assert [post(inbox.receiver, BODY, signed()) for _ in range(2)] == [500, 200]
    assert inbox.next().id == "c.1"


def test_a_receiver_refuses_what_is_none(inbox: Inbox) -> None:
    assert post(inbox.receiver, BODY) == 401
    assert post(inbox.receiver, b"{", signed(b"{")) == 400
    assert post(inbox.receiver, b"", method="GET") == 405
    # The body is not waited for.
    assert post(inbox.receiver, b"", {"Content-Length": str(1024 * 1024 + 1)}) == 413
    assert inbox.events.empty()


def test_a_receiver_does_not_wait_for_ever(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook._Handler, "timeout", 0.2)
    assert post(inbox.receiver, BODY, {"Content-Length": str(len(BODY) + 1)}) == 408
    assert post(inbox.receiver, BODY, {"Transfer-Encoding": "chunked"}) == 411
    assert post(inbox.receiver, BODY, signed()) == 200


def test_a_repeat_while_the_handler_works_is_to_come_again() -> None:
    begun, finish = threading.Event(), threading.Event()

    def handle(_: Event) -> None:
        begun.set()
        assert finish.wait(30)

    with Receiver(Verifier(SECRET, tolerance=None), handle) as receiver:
        statuses: queue.Queue[int] = queue.Queue()
        first = threading.Thread(target=lambda: statuses.put(post(receiver, BODY, signed())))
        first.start()
        assert begun.wait(30)
        assert post(receiver, BODY, signed()) == 503
        finish.set()
        first.join()
        assert statuses.get() == 200


def test_a_receiver_that_never_served_is_closed() -> None:
    Receiver(Verifier(SECRET), lambda event: None).close()


def test_a_receiver_serves_in_the_callers_thread() -> None:
    receiver = Receiver(Verifier(SECRET, tolerance=None), lambda event: None)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    assert post(receiver, BODY, signed()) == 200
    receiver.close()
    thread.join(30)
    assert not thread.is_alive()


def test_the_platform_tells_what_becomes_of_commands_and_calls(platform: Platform, client: downlink.Client, meter: Device) -> None:
    shown = platform.cli("app", "callback", Platform.APP, "--rotate-webhook-secret")
    inbox = Inbox(Verifier(shown["webhookSecret"], tolerance=None))
    with inbox.receiver as receiver:
        command = client.post_device_command(meter.id, Command("WaterMeter", "SET_PERIOD", {"value": 12}), callback_url=receiver.url)
        platform.play(meter, "--commands", "1", "--body", '{"result":0}')
        events = [inbox.next() for _ in range(3)]
        told = [event.callback for event in events]
        words = [one.result.result_code for one in told if isinstance(one, StatusCallback)]
        assert words == [CommandStatus.SENT, CommandStatus.DELIVERED, CommandStatus.SUCCESSFUL]
        assert isinstance(told[2], StatusCallback) and told[2].result.result_detail == {"result": 0}
        assert {event.id.rpartition(".")[0] for event in events if event.id} == {command.command_id}

        header = InvokeHeader(
            request_id="r-1", mode=downlink.Mode.ACK, to_type=downlink.ToType.CLOUD, method="SET_PERIOD", callback_url=receiver.url
        )
        with platform.awake(meter, "--commands", "1", "--body", '{"result":0}'):
            client.invoke_device_service(meter.id, "WaterMeter", header, body={"value": 1})
            confirm, answer = inbox.next().callback, inbox.next().callback
        assert isinstance(confirm, MessageConfirm) and confirm.header.request_id == "r-1"
        assert isinstance(answer, CommandRsp) and answer.body == {"result": 0}
        assert answer.header.from_ == f"/devices/{meter.id}/services/WaterMeter"
