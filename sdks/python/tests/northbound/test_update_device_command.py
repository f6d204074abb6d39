"""`SignalDelivery.updateDeviceCommand`: its signature, success, and every code that its table lists."""

from __future__ import annotations

import inspect
import json
import queue
from typing import Any, Callable, Optional

import pytest
from northbound.bed import Bed
from northbound.refusals import sent

from downlink.northbound.client.dto.CommandDTOV4 import CommandDTOV4
from downlink.northbound.client.dto.NotifyNBCommandStatusChangedDTO import NotifyNBCommandStatusChangedDTO
from downlink.northbound.client.dto.PostDeviceCommandInDTO import PostDeviceCommandInDTO
from downlink.northbound.client.dto.UpdateDeviceCommandInDTO import UpdateDeviceCommandInDTO
from downlink.northbound.client.dto.UpdateDeviceCommandOutDTO import UpdateDeviceCommandOutDTO
from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver
from downlink.northbound.client.invokeapi.SignalDelivery import SignalDelivery
from downlink.northbound.client.NorthApiException import NorthApiException

OPERATION = "updateDeviceCommand"
MEMBERS = """commandId appId deviceId command callbackUrl expireTime status result creationTime executeTime platformIssuedTime
deliveredTime issuedTimes maxRetransmit""".split()


def cancel(status: Optional[str] = "CANCELED") -> UpdateDeviceCommandInDTO:
    dto = UpdateDeviceCommandInDTO()
    dto.setStatus(status)
    return dto


@pytest.fixture
def token(bed: Bed) -> str:
    return bed.token()


def posted(bed: Bed, token: str, callback: Optional[str] = None) -> str:
    """A command that waits for the meter; its id."""
    dto = PostDeviceCommandInDTO()
    dto.deviceId = bed.meter.id
    dto.command = {dto.command.serviceId: "WaterMeter", dto.command.method: "SET_PERIOD", dto.command.paras: {"value": 12}}
    dto.callbackUrl = callback
    commandId = json.loads(SignalDelivery().postDeviceCommand(dto, None, token))["commandId"]
    assert isinstance(commandId, str)
    return commandId


def test_the_signature_is_the_documented_one() -> None:
    parameters = inspect.signature(SignalDelivery.updateDeviceCommand).parameters
    assert list(parameters) == ["self", "udcInDTO", "deviceCommandId", "appId", "accessToken"]
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and one.default is one.empty for one in parameters.values())


def test_a_command_that_waits_is_cancelled(bed: Bed, token: str) -> None:
    command = posted(bed, token)
    result = SignalDelivery().updateDeviceCommand(cancel(), command, None, token)
    assert isinstance(result, UpdateDeviceCommandOutDTO)
    said = json.loads(result)
    assert (said["commandId"], said["status"]) == (command, "CANCELED")
    for member in MEMBERS:
        accessor = getattr(result, f"get{member[0].upper()}{member[1:]}")
        assert accessor() == getattr(result, member)
        if member != "command":
            assert accessor() == said.get(member)
    assert isinstance(result.command, CommandDTOV4)
    assert (result.command.serviceId, result.command.getMethod(), result.command.paras) == ("WaterMeter", "SET_PERIOD", {"value": 12})
    assert (result.appId, result.deviceId, result.issuedTimes) == (bed.platform.APP, bed.meter.id, 0)


@pytest.mark.parametrize("foreign", [None, object()])
@pytest.mark.parametrize("dto", [cancel(), {"status": "CANCELED"}])
def test_it_is_called_through_the_class_with_any_self(bed: Bed, token: str, foreign: Any, dto: Any) -> None:
    result = SignalDelivery.updateDeviceCommand(foreign, dto, posted(bed, token), bed.platform.APP, token)
    assert result.getStatus() == "CANCELED"


def test_cancelling_is_told_to_the_receiver(bed: Bed, token: str) -> None:
    told: queue.Queue[Any] = queue.Queue()

    class Receiver(PushMessageReceiver):
        def handleNBCommandStateChanged(self, body: NotifyNBCommandStatusChangedDTO) -> None:
            told.put(body)

    with Receiver().start() as running:
        command = posted(bed, token, f"{running.url}/cmd")
        bed.platform.play(bed.meter, "--commands", "1", "--body", '{"result":0}')
        seen = [told.get(timeout=30) for _ in range(3)]
    assert [one.result.resultCode for one in seen] == ["SENT", "DELIVERED", "SUCCESSFUL"]
    assert {one.commandId for one in seen} == {command}
    assert seen[2].getResult().getResultDetail() == {"result": 0}
    late = SignalDelivery().updateDeviceCommand(cancel(), command, None, token)
    assert late.error_code == "100435"


Causing = Callable[[Bed, str], UpdateDeviceCommandOutDTO]


def updated(
    bed: Bed, token: Optional[str], dto: Any = None, command: str = "0" * 32, app: Optional[str] = None
) -> UpdateDeviceCommandOutDTO:
    """The call of the table, with what a row changes."""
    return SignalDelivery().updateDeviceCommand(dto or cancel(), command, app, token)


def faulty(fault: str) -> Causing:
    """The call while this fault is set, on a command that waits and has an address for callbacks."""

    def cause(bed: Bed, token: str) -> UpdateDeviceCommandOutDTO:
        command = posted(bed, token, "http://127.0.0.1:9/")
        bed.platform.cli("fault", "set", fault)
        refused = updated(bed, token, command=command)
        assert updated(bed, token, command=command).status == "CANCELED"
        return refused

    return cause


def twice(bed: Bed, token: str) -> UpdateDeviceCommandOutDTO:
    command = posted(bed, token)
    assert updated(bed, token, command=command).status == "CANCELED"
    return updated(bed, token, command=command)


def of_another(bed: Bed, token: str) -> UpdateDeviceCommandOutDTO:
    bed.platform.cli("app", "create", "--id", "other")
    return updated(bed, token, app="other")


def throttled(bed: Bed, token: str) -> UpdateDeviceCommandOutDTO:
    bed.platform.cli("app", "throttle", bed.platform.APP, "on")
    try:
        answers = [updated(bed, token) for _ in range(101)]
        assert {one.error_code for one in answers[:-1]} == {"100434"}
        return answers[-1]
    finally:
        bed.platform.cli("app", "throttle", bed.platform.APP, "off")


CAUSES: dict[str, Causing] = {
    "100001": faulty("handler"),
    "100022": lambda bed, token: updated(bed, token, cancel("PENDING")),
    "100023": faulty("row"),
    "100203": lambda bed, token: updated(bed, token, app="nobody"),
    "100217": of_another,
    "100220": lambda bed, token: updated(bed, None),
    "100434": lambda bed, token: updated(bed, token),
    "100435": twice,
    "100501": faulty("overload"),
    "101016": faulty("session-lookup"),
    "101017": faulty("callback-address"),
    "1010005": lambda bed, token: updated(bed, "0" * 32),
    "1010009": throttled,
    "190413": lambda bed, token: updated(bed, token, {"status": " " * 1100000}),
}


def test_every_code_of_the_table_is_caused() -> None:
    assert set(CAUSES) == set(sent(OPERATION))


@pytest.mark.parametrize("code", sorted(CAUSES))
def test_a_refusal_is_its_json_text(bed: Bed, token: str, code: str) -> None:
    answer, row = CAUSES[code](bed, token), sent(OPERATION)[code]
    said = json.loads(answer)
    assert (said["error_code"], said["error_desc"]) == (row.code, row.text)
    assert (answer.error_code, answer.getError_desc(), answer.status_code) == (row.code, row.text, row.status)
    assert answer.getStatus() is None


def test_a_refusal_is_raised_if_the_service_is_made_so(bed: Bed, token: str) -> None:
    service = SignalDelivery(raise_errors=True)
    command = posted(bed, token)
    assert service.updateDeviceCommand(cancel(), command, None, token).status == "CANCELED"
    with pytest.raises(NorthApiException, match="100435") as raised:
        service.updateDeviceCommand(cancel(), command, None, token)
    assert raised.value.code == "100435"
    # Through the class there is no such service.
    assert SignalDelivery.updateDeviceCommand(object(), cancel(), command, None, token).error_code == "100435"


def test_an_empty_data_object_asks_for_nothing(bed: Bed, token: str) -> None:
    command = posted(bed, token)
    nothing: list[Any] = [UpdateDeviceCommandInDTO(), {}, None]
    for dto in nothing:
        assert SignalDelivery().updateDeviceCommand(dto, command, None, token).error_code == "100022"


def test_an_id_that_is_missing_is_no_call(bed: Bed, token: str) -> None:
    with pytest.raises(TypeError, match="deviceCommandId must be a text"):
        SignalDelivery().updateDeviceCommand(cancel(), None, None, token)  # type: ignore[arg-type]
