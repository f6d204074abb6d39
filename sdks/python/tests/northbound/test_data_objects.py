"""Data objects: members, accessors, key carriers, and what of them is sent."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from downlink.northbound._calls import encode_query
from downlink.northbound.client.dto.AuthRefreshInDTO import AuthRefreshInDTO
from downlink.northbound.client.dto.ClientInfo import ClientInfo
from downlink.northbound.client.dto.CommandDTO import CommandDTO
from downlink.northbound.client.dto.CommandDTOV4 import CommandDTOV4
from downlink.northbound.client.dto.CommandNA2CloudHeader import CommandNA2CloudHeader
from downlink.northbound.client.dto.CustomField import CustomField
from downlink.northbound.client.dto.DataConfigDTO import DataConfigDTO
from downlink.northbound.client.dto.DeviceConfigDTO import DeviceConfigDTO
from downlink.northbound.client.dto.DeviceInfoDTO import DeviceInfoDTO
from downlink.northbound.client.dto.ModifyDeviceInfoInDTO import ModifyDeviceInfoInDTO
from downlink.northbound.client.dto.PostDeviceCommandInDTO import PostDeviceCommandInDTO
from downlink.northbound.client.dto.QueryDeviceCommandInDTO import QueryDeviceCommandInDTO
from downlink.northbound.client.dto.RegDirectDeviceInDTO import RegDirectDeviceInDTO
from downlink.northbound.utils.DictUtil import DictUtil

CALL = {"mode": "ACK", "method": "SET", "from": "/users/1", "callbackURL": "http://127.0.0.1/"}


def test_a_member_is_an_attribute_and_has_accessors() -> None:
    dto = PostDeviceCommandInDTO()
    seen = [dto.deviceId, dto.getDeviceId()]
    dto.setDeviceId("d1")
    seen.append(dto.deviceId)
    dto.deviceId = "d2"
    seen.append(dto.getDeviceId())
    assert seen == [None, None, "d1", "d2"]


def test_what_is_not_set_is_null_in_a_body() -> None:
    dto = PostDeviceCommandInDTO()
    dto.deviceId = "d1"
    dto.command = {"serviceId": "S", "method": "M"}
    assert DictUtil.dto2dict(dto) == {
        "deviceId": "d1",
        "command": {"serviceId": "S", "method": "M"},
        "callbackUrl": None,
        "expireTime": None,
        "maxRetransmit": None,
    }


def test_what_is_not_set_is_left_out_of_a_query() -> None:
    dto = QueryDeviceCommandInDTO()
    dto.pageNo = "0"
    dto.pageSize = 10
    dto.deviceId = "a b&c"
    assert encode_query(DictUtil.dto2dict(dto)) == "pageNo=0&pageSize=10&deviceId=a%20b%26c"


def carried() -> CommandDTO:
    dto = CommandDTO()
    dto.header = {
        dto.header.mode: "ACK",
        dto.header.method: "SET",
        dto.header.from_: "/users/1",
        dto.header.callbackURL: "http://127.0.0.1/",
    }
    return dto


def carried_through_the_class() -> CommandDTO:
    dto = CommandDTO()
    dto.header = {CommandDTO.header.mode: "ACK", CommandDTO.header.method: "SET"}
    dto.header[CommandNA2CloudHeader.from_] = "/users/1"
    dto.header[CommandNA2CloudHeader.callbackURL] = "http://127.0.0.1/"
    return dto


def as_object() -> CommandDTO:
    header = CommandNA2CloudHeader()
    header.mode, header.method, header.from_ = "ACK", "SET", "/users/1"
    header.callbackURL = "http://127.0.0.1/"
    dto = CommandDTO()
    dto.header = header
    return dto


def by_accessors() -> CommandDTO:
    dto = CommandDTO()
    dto.getHeader().setMode("ACK")
    dto.getHeader().setMethod("SET")
    dto.getHeader().setFrom("/users/1")
    dto.getHeader().setCallbackURL("http://127.0.0.1/")
    return dto


def in_place() -> CommandDTO:
    dto = CommandDTO()
    dto.header.mode, dto.header.method, dto.header.from_ = "ACK", "SET", "/users/1"
    dto.header.callbackURL = "http://127.0.0.1/"
    return dto


@pytest.mark.parametrize("made", [carried, carried_through_the_class, as_object, by_accessors, in_place])
def test_a_nested_member_may_be_given_in_every_way(made: Any) -> None:
    dto = made()
    dto.body = {"value": 1}
    assert DictUtil.dto2dict(dto) == {"header": CALL, "body": {"value": 1}}
    assert json.loads(json.dumps(DictUtil.dto2dict(dto)))["header"]["from"] == "/users/1"


def test_a_key_carrier_reads_as_its_keys_until_it_is_set() -> None:
    header = CommandNA2CloudHeader()
    assert (header.mode, header.from_, header.getCallbackURL()) == ("mode", "from", "callbackURL")
    assert (CommandDTOV4().serviceId, CommandDTOV4.paras) == ("serviceId", "paras")
    header.mode = "NOACK"
    assert header.getMode() == "NOACK"
    assert DictUtil.dto2dict(header) == {"mode": "NOACK"}


def test_a_key_carrier_sends_a_value_that_is_its_own_name() -> None:
    command = CommandDTOV4()
    command.method = "method"
    assert DictUtil.dto2dict(command) == {"method": "method"}


def test_an_untouched_nested_member_is_not_sent() -> None:
    assert DictUtil.dto2dict(CommandDTO()) == {"body": None}
    read = CommandDTO()
    assert read.header.mode == "mode"
    assert "header" not in DictUtil.dto2dict(read)
    registration = RegDirectDeviceInDTO()
    assert "deviceInfo" not in DictUtil.dto2dict(registration)
    registration.deviceInfo = DeviceInfoDTO
    assert "deviceInfo" not in DictUtil.dto2dict(registration)


def test_nested_members_belong_to_one_object() -> None:
    one, other = CommandDTO(), CommandDTO()
    one.header.mode = "ACK"
    assert other.header.mode == "mode"
    assert CommandNA2CloudHeader().mode == "mode"


def test_nested_objects_are_written_at_every_depth() -> None:
    data = DataConfigDTO()
    data.dataAgingTime = 30
    config = DeviceConfigDTO()
    config.dataConfig = data
    field = CustomField()
    field.setFieldName("floor")
    dto = ModifyDeviceInfoInDTO()
    dto.setDeviceConfigDTO(config)
    dto.customFields = [field, {"fieldName": "room"}]
    made = DictUtil.dto2dict(dto)
    assert made["deviceConfig"] == {"dataConfig": {"dataAgingTime": 30}}
    assert "deviceConfigDTO" not in made
    assert made["customFields"] == [{"fieldName": "floor", "fieldType": None, "fieldValue": None}, {"fieldName": "room"}]
    assert dto.getDeviceConfigDTO() is dto.deviceConfig


def test_members_that_the_vendor_adds_are_there() -> None:
    dto = RegDirectDeviceInDTO()
    for name in ("deviceName", "groupId", "account", "customFields", "deviceInfo2", "location", "tags"):
        assert getattr(dto, name) is None
    dto.setGroupId("g")
    assert DictUtil.dto2dict(dto)["groupId"] == "g"


def test_what_the_application_adds_is_sent() -> None:
    class Mine(PostDeviceCommandInDTO):
        expireTime = 60

    dto = Mine()
    dto.note = "more"  # type: ignore[attr-defined]
    made = DictUtil.dto2dict(dto)
    assert made["expireTime"] == 60
    assert made["note"] == "more"


def test_objects_of_other_classes_are_read_by_their_attributes() -> None:
    class Paras:
        value = 1

        def __init__(self) -> None:
            self.unit = "min"

        def method(self) -> None: ...

    assert DictUtil.dto2dict(Paras()) == {"unit": "min", "value": 1}
    assert DictUtil.dto2dict(None) == {}
    assert DictUtil.dto2dict({"a": (1, 2)}) == {"a": [1, 2]}


@pytest.mark.parametrize("value", [datetime.datetime(2026, 1, 2), b"bytes", object])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    dto = CommandDTO()
    dto.body = {"value": value}
    with pytest.raises(TypeError, match="no form in JSON"):
        DictUtil.dto2dict(dto)


def test_secrets_are_not_shown() -> None:
    info = ClientInfo()
    info.setSecret("very-secret")
    info.setAppId("app")
    assert repr(info) == "ClientInfo(appId='app', secret=…)"
    refresh = AuthRefreshInDTO()
    refresh.refreshToken = "very-secret"
    assert "very-secret" not in repr(refresh)
    registration = RegDirectDeviceInDTO()
    registration.psk = "very-secret"
    assert "very-secret" not in str(registration)
