"""Answers are texts, and have the documented members."""

from __future__ import annotations

import copy
import json
import pickle

from downlink.northbound._answer import Answer
from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO
from downlink.northbound.client.dto.CommandDTOV4 import CommandDTOV4
from downlink.northbound.client.dto.InvokeDeviceServiceOutDTO import InvokeDeviceServiceOutDTO
from downlink.northbound.client.dto.QueryBatchDevicesInfoOutDTO import QueryBatchDevicesInfoOutDTO
from downlink.northbound.client.dto.QueryDeviceCommandOutDTO import QueryDeviceCommandOutDTO
from downlink.northbound.client.dto.RegDirectDeviceOutDTO import RegDirectDeviceOutDTO
from downlink.northbound.client.dto.UpdateDeviceCommandOutDTO import UpdateDeviceCommandOutDTO

COMMAND = {
    "commandId": "c1",
    "appId": "a1",
    "deviceId": "d1",
    "command": {"serviceId": "S", "method": "M", "paras": {"value": 1}},
    "status": "SUCCESSFUL",
    "result": {"resultCode": "SUCCESSFUL", "resultDetail": {"x": 1}},
    "issuedTimes": 1,
}
REFUSAL = '{"error_code":"100418","error_desc":"The deviceData is not existed.","detail":"no such device","status":"x"}'


def test_an_answer_is_a_text() -> None:
    text = json.dumps(COMMAND)
    answer = UpdateDeviceCommandOutDTO(text)
    assert answer == text
    assert "x" + answer == "x" + text
    assert json.loads(answer)["commandId"] == "c1"
    assert hash(answer) == hash(text)
    assert f"{answer}" == text
    assert isinstance(answer, str)


def test_an_answer_has_the_documented_members() -> None:
    answer = UpdateDeviceCommandOutDTO(json.dumps(COMMAND))
    assert answer.commandId == answer.getCommandId() == "c1"
    assert isinstance(answer.command, CommandDTOV4)
    assert answer.getCommand() is answer.command
    assert answer.command.getMethod() == "M"
    assert answer.command.paras == {"value": 1}
    assert answer.result == {"resultCode": "SUCCESSFUL", "resultDetail": {"x": 1}}
    assert answer.issuedTimes == 1
    assert answer.callbackUrl is None
    assert answer.error_code is None
    assert answer.status_code is None


def test_a_list_holds_objects() -> None:
    page = {"pagination": {"pageNo": 0, "pageSize": 5, "totalSize": 1}, "data": [COMMAND]}
    answer = QueryDeviceCommandOutDTO(json.dumps(page))
    assert answer.pagination is not None and answer.data is not None
    assert answer.pagination.getTotalSize() == 1
    assert [one.commandId for one in answer.data] == ["c1"]
    assert answer.data[0].command is not None
    assert answer.data[0].command.serviceId == "S"


def test_an_answer_within_an_answer_is_a_text_too() -> None:
    device = {"deviceId": "d1", "deviceInfo": {"nodeId": "n1"}, "services": [{"serviceId": "S", "data": {"v": 1}}]}
    answer = QueryBatchDevicesInfoOutDTO(json.dumps({"totalCount": 1, "devices": [device]}))
    assert answer.devices is not None
    [one] = answer.devices
    assert json.loads(one) == device
    assert one.deviceInfo is not None and one.services is not None
    assert (one.deviceInfo.nodeId, one.deviceInfo.name) == ("n1", None)
    assert one.services[0].data == {"v": 1}


def test_a_refusal_has_its_code_and_no_members() -> None:
    answer = UpdateDeviceCommandOutDTO(REFUSAL)
    assert answer == REFUSAL
    assert answer.error_code == answer.getError_code() == "100418"
    assert answer.error_desc == answer.getError_desc() == "The deviceData is not existed."
    assert answer.detail == "no such device"
    assert answer.status is None
    assert answer.getCommandId() is None


def test_a_gateways_refusal_has_its_code_too() -> None:
    answer = UpdateDeviceCommandOutDTO('{"resultcode":"1010009","resultmsg":"app throttle exceed."}')
    assert (answer.error_code, answer.error_desc, answer.detail) == ("1010009", "app throttle exceed.", None)


def test_the_moment_is_read_by_either_name() -> None:
    for wire in ("timestamp", "timeStamp"):
        answer = InvokeDeviceServiceOutDTO(json.dumps({wire: "20260102T030405Z"}))
        assert answer.getTimestamp() == answer.getTimeStamp() == "20260102T030405Z"
        assert answer.timestamp == answer.timeStamp == "20260102T030405Z"


def test_an_answer_can_be_filled_by_hand() -> None:
    answer = AuthOutDTO()
    assert answer == ""
    assert answer.getAccessToken() is None
    answer.setAccessToken("t")
    answer.setEexpiresIn(60)
    answer.setExpiresIn(61)
    assert (answer.accessToken, answer.expiresIn) == ("t", 61)


def test_what_is_set_by_hand_stays() -> None:
    answer = UpdateDeviceCommandOutDTO(json.dumps(COMMAND))
    answer.setStatus("mine")
    assert (answer.status, answer.commandId) == ("mine", "c1")


def test_what_is_no_object_has_no_members() -> None:
    for text in ("", "[1]", "null", "no json", '"text"'):
        answer = UpdateDeviceCommandOutDTO(text)
        assert answer.commandId is None
        assert answer.error_code is None


def test_tokens_and_keys_are_not_shown_by_repr() -> None:
    assert "very-secret" not in repr(AuthOutDTO('{"accessToken":"very-secret"}'))
    assert "very-secret" not in repr([RegDirectDeviceOutDTO('{"psk":"very-secret"}')])
    assert repr(Answer("x")) == "'x'"


def test_an_answer_can_be_copied_and_pickled() -> None:
    answer = UpdateDeviceCommandOutDTO(json.dumps(COMMAND))
    for other in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert type(other) is UpdateDeviceCommandOutDTO
        assert other == answer
        assert other.commandId == "c1"
