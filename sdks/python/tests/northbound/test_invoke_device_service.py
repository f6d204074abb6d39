"""`DeviceServiceInvocation.invokeDeviceService`: its signature, success, and every code that its table lists."""

from __future__ import annotations

import contextlib
import inspect
import json
import queue
from collections.abc import Iterator
from typing import Any, Callable, Optional, Union

import pytest
from northbound.bed import Bed
from northbound.refusals import sent

from downlink.northbound.client.dto.CommandDTO import CommandDTO
from downlink.northbound.client.dto.InvokeDeviceServiceOutDTO import InvokeDeviceServiceOutDTO
from downlink.northbound.client.dto.NotifyCommandRspDTO import NotifyCommandRspDTO
from downlink.northbound.client.dto.NotifyMessageConfirmDTO import NotifyMessageConfirmDTO
from downlink.northbound.client.invokeapi.DeviceServiceInvocation import DeviceServiceInvocation
from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver
from downlink.northbound.client.NorthApiClient import NorthApiClient
from downlink.northbound.client.NorthApiException import NorthApiException
from downlink.northbound.constant.RestConstant import RestConstant

OPERATION = "invokeDeviceService"
Answer = Union[InvokeDeviceServiceOutDTO, str]


def order(**header: Optional[str]) -> CommandDTO:
    """A call that the meter understands."""
    dto = CommandDTO()
    dto.header = {dto.header.mode: "ACK", dto.header.method: "SET_PERIOD", **header}
    dto.body = {"value": 12}
    return dto


@pytest.fixture
def token(bed: Bed) -> str:
    return bed.token()


def test_the_signature_is_the_documented_one() -> None:
    parameters = inspect.signature(DeviceServiceInvocation.invokeDeviceService).parameters
    assert list(parameters) == ["self", "commandDTO", "deviceId", "serviceId", "appId", "accessToken"]
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and one.default is one.empty for one in parameters.values())


def test_a_call_is_handed_over(bed: Bed, token: str) -> None:
    with bed.platform.awake(bed.meter, "--commands", "1"):
        result = DeviceServiceInvocation().invokeDeviceService(order(requestId="mine"), bed.meter.id, "WaterMeter", None, token)
    assert isinstance(result, InvokeDeviceServiceOutDTO)
    said = json.loads(result)
    assert (said["requestId"], said["status"]) == ("mine", "sent")
    assert (result.requestId, result.getStatus()) == ("mine", "sent")
    assert result.getTimestamp() == result.getTimeStamp() == said["timestamp"]
    assert (result.error_code, result.status_code) == (None, None)


def test_with_to_type_cloud_it_waits_for_the_acknowledgement(bed: Bed, token: str) -> None:
    with bed.platform.awake(bed.meter, "--commands", "1"):
        result = DeviceServiceInvocation().invokeDeviceService(order(toType="CLOUD"), bed.meter.id, "WaterMeter", None, token)
    assert (result.status, result.requestId) == ("delivered", None)


@pytest.mark.parametrize("foreign", [None, object(), "a text"])
def test_it_is_called_through_the_class_with_any_self(bed: Bed, token: str, foreign: Any) -> None:
    with bed.platform.awake(bed.meter, "--commands", "1"):
        result = DeviceServiceInvocation.invokeDeviceService(foreign, order(), bed.meter.id, "WaterMeter", None, token)
    assert result.status == "sent"


def test_its_own_application_may_be_named(bed: Bed, token: str) -> None:
    with bed.platform.awake(bed.meter, "--commands", "1"):
        result = DeviceServiceInvocation().invokeDeviceService(
            commandDTO=order(), deviceId=bed.meter.id, serviceId="WaterMeter", appId=bed.platform.APP, accessToken=token
        )
    assert result.status == "sent"


def test_the_outcome_is_told_to_the_receiver(bed: Bed, token: str) -> None:
    told: queue.Queue[Any] = queue.Queue()

    class Receiver(PushMessageReceiver):
        def handleMessageConfirm(self, body: NotifyMessageConfirmDTO) -> None:
            told.put(body)

        def handleCommandRsp(self, body: NotifyCommandRspDTO) -> None:
            told.put(body)

    with Receiver().start() as running:
        dto = order(**{"from": "/users/7"}, requestId="told", callbackURL=running.url)
        with bed.platform.awake(bed.meter, "--commands", "1", "--body", '{"result":0}'):
            DeviceServiceInvocation().invokeDeviceService(dto, bed.meter.id, "WaterMeter", None, token)
        confirm, rsp = told.get(timeout=30), told.get(timeout=30)
    assert isinstance(confirm, NotifyMessageConfirmDTO) and isinstance(rsp, NotifyCommandRspDTO)
    assert (confirm.header.requestId, confirm.header.status, confirm.header.to) == ("told", "delivered", "/users/7")
    assert (rsp.header.getMethod(), rsp.header.from_, rsp.body) == (
        "SET_PERIOD-RSP",
        f"/devices/{bed.meter.id}/services/WaterMeter",
        {"result": 0},
    )


Causing = Callable[[Bed, str], Answer]


def invoked(
    bed: Bed, token: Optional[str], dto: Any = None, device: Optional[str] = None, service: str = "WaterMeter", app: Optional[str] = None
) -> Answer:
    """The call of the table, with what a row changes."""
    return DeviceServiceInvocation().invokeDeviceService(dto or order(), device or bed.meter.id, service, app, token)


def faulty(fault: str) -> Causing:
    """The call while this fault is set."""

    def cause(bed: Bed, token: str) -> Answer:
        bed.platform.cli("fault", "set", fault)
        return invoked(bed, token, order(callbackURL="http://127.0.0.1:9/"))

    return cause


def with_a_lost_address(bed: Bed, token: str) -> Answer:
    with bed.platform.awake(bed.meter):
        return faulty("callback-address")(bed, token)


def with_a_lost_link(bed: Bed, token: str) -> Answer:
    # A link that refuses a frame is closed, and the meter may see it.
    answers = []
    with contextlib.suppress(RuntimeError), bed.platform.awake(bed.meter):
        answers.append(faulty("refuse-frame")(bed, token))
    return answers[0]


def awake(**changes: Any) -> Causing:
    """The call while the meter is awake."""

    def cause(bed: Bed, token: str) -> Answer:
        with bed.platform.awake(bed.meter):
            return invoked(bed, token, **changes)

    return cause


def muted(bed: Bed, token: str) -> Answer:
    bed.platform.cli("device", "mute-command", "meter-1", "WaterMeter", "SET_PERIOD")
    try:
        with bed.platform.awake(bed.meter):
            return invoked(bed, token)
    finally:
        bed.platform.cli("device", "unmute-command", "meter-1", "WaterMeter", "SET_PERIOD")


def beneath_a_sleeping_gateway(bed: Bed, token: str) -> Answer:
    child = bed.platform.cli("device", "register", "--node-id", "child-1", "--gateway", "meter-1", "--profile", "Downlink/WM1")
    return invoked(bed, token, device=child["deviceId"])


def throttled(bed: Bed, token: str) -> Answer:
    bed.platform.cli("app", "throttle", bed.platform.APP, "on")
    try:
        answers = [invoked(bed, token) for _ in range(101)]
        assert {json.loads(one)["error_code"] for one in answers[:-1]} == {"100428"}
        return answers[-1]
    finally:
        bed.platform.cli("app", "throttle", bed.platform.APP, "off")


def under_a_used_key(bed: Bed, token: str) -> Answer:
    url = f"{bed.platform.url}{RestConstant.INVOKE_DEVICE_SERVICE}{bed.meter.id}/services/WaterMeter/sendCommand"
    headers = {"app_key": bed.platform.APP, "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "k"}
    with bed.platform.awake(bed.meter, "--commands", "1"):
        first = NorthApiClient.invokeAPI2("POST", url, headers, '{"header":{"mode":"ACK","method":"SET_PERIOD"},"body":{"value":12}}')
    assert json.loads(first)["status"] == "sent"
    return NorthApiClient.invokeAPI2("POST", url, headers, '{"header":{"mode":"ACK","method":"SET_PERIOD"},"body":{"value":13}}')


def of_another(bed: Bed, token: str) -> Answer:
    bed.platform.cli("app", "create", "--id", "other")
    return invoked(bed, token, app="other")


CAUSES: dict[str, Causing] = {
    "100001": faulty("handler"),
    "100022": lambda bed, token: invoked(bed, token, order(mode="MAYBE")),
    "100023": faulty("row"),
    "100203": lambda bed, token: invoked(bed, token, app="nobody"),
    "100217": of_another,
    "100220": lambda bed, token: invoked(bed, None),
    "100418": lambda bed, token: invoked(bed, token, device="none"),
    "100428": lambda bed, token: invoked(bed, token),
    "100432": muted,
    "100444": awake(service="Nothing"),
    "100450": beneath_a_sleeping_gateway,
    "100501": faulty("overload"),
    "101016": faulty("session-lookup"),
    "101017": with_a_lost_address,
    "102203": awake(dto=order(method="NOTHING")),
    "50252": with_a_lost_link,
    "1010005": lambda bed, token: invoked(bed, "0" * 32),
    "1010009": throttled,
    "190409": under_a_used_key,
    "190413": lambda bed, token: invoked(bed, token, {"header": {}, "body": {"padding": " " * 1100000}}),
}


def test_every_code_of_the_table_is_caused() -> None:
    assert set(CAUSES) == set(sent(OPERATION))


@pytest.fixture(params=sorted(CAUSES))
def code(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_a_refusal_is_its_json_text(bed: Bed, token: str, code: str) -> None:
    answer, row = CAUSES[code](bed, token), sent(OPERATION)[code]
    said = json.loads(answer)
    assert (said["error_code"], said["error_desc"]) == (row.code, row.text)
    assert ("x" + answer).startswith("x{")
    if code == "190409":
        assert type(answer) is str
        return
    assert isinstance(answer, InvokeDeviceServiceOutDTO)
    assert (answer.error_code, answer.error_desc, answer.status_code) == (row.code, row.text, row.status)
    assert answer.getStatus() is None


def test_a_refusal_is_raised_if_the_service_is_made_so(bed: Bed, token: str) -> None:
    service = DeviceServiceInvocation(raise_errors=True)
    with pytest.raises(NorthApiException) as raised:
        service.invokeDeviceService(order(), bed.meter.id, "WaterMeter", None, token)
    error = raised.value
    assert (error.error_code, error.code, error.getError_code(), error.getError_desc()) == (
        "100428",
        "100428",
        "100428",
        "The device is not online.",
    )
    assert (error.httpStatusCode, json.loads(error.getHttpMessage())["error_code"]) == (200, "100428")
    assert error.message == str(error) == "100428 The device is not online."


@pytest.mark.parametrize(("device", "service"), [(None, "S"), ("d", None)])
def test_an_id_that_is_missing_is_no_call(bed: Bed, token: str, device: Any, service: Any) -> None:
    with pytest.raises(TypeError, match="must be a text, not None"):
        DeviceServiceInvocation().invokeDeviceService(order(), device, service, None, token)


@pytest.mark.parametrize("device", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_is_no_call(bed: Bed, token: str, device: str) -> None:
    with pytest.raises(ValueError, match="deviceId must not be"):
        DeviceServiceInvocation().invokeDeviceService(order(), device, "WaterMeter", None, token)


def test_ids_are_encoded(bed: Bed, token: str) -> None:
    for odd in ("a/b", "a b", "a?b#c", "%2e%2e", "é"):
        assert json.loads(invoked(bed, token, device=odd))["error_code"] == "100418"
