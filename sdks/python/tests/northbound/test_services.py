"""Every other method of the services, against the real server."""

from __future__ import annotations

import inspect
import json
import time
from typing import Any

import pytest
from northbound.bed import Bed
from northbound.refusals import DOCUMENT

from downlink.northbound.client.dto.CreateDeviceCmdCancelTaskInDTO import CreateDeviceCmdCancelTaskInDTO
from downlink.northbound.client.dto.CreateDeviceCmdCancelTaskOutDTO import CreateDeviceCmdCancelTaskOutDTO
from downlink.northbound.client.dto.CreateDeviceCmdCancelTaskV12InDTO import CreateDeviceCmdCancelTaskV12InDTO
from downlink.northbound.client.dto.CreateDeviceGroupInDTO import CreateDeviceGroupInDTO
from downlink.northbound.client.dto.CustomField import CustomField
from downlink.northbound.client.dto.DeviceConfigDTO import DeviceConfigDTO
from downlink.northbound.client.dto.DeviceGroupWithDeviceListDTO import DeviceGroupWithDeviceListDTO
from downlink.northbound.client.dto.ModifyDeviceGroupInDTO import ModifyDeviceGroupInDTO
from downlink.northbound.client.dto.ModifyDeviceInfoInDTO import ModifyDeviceInfoInDTO
from downlink.northbound.client.dto.PostDeviceCommandInDTO import PostDeviceCommandInDTO
from downlink.northbound.client.dto.PostDeviceCommandV12InDTO import PostDeviceCommandV12InDTO
from downlink.northbound.client.dto.QueryBatchDevicesInfoInDTO import QueryBatchDevicesInfoInDTO
from downlink.northbound.client.dto.QueryDeviceCmdCancelTaskInDTO import QueryDeviceCmdCancelTaskInDTO
from downlink.northbound.client.dto.QueryDeviceCommandInDTO import QueryDeviceCommandInDTO
from downlink.northbound.client.dto.QueryDeviceCommandV12InDTO import QueryDeviceCommandV12InDTO
from downlink.northbound.client.dto.QueryDeviceGroupMembersInDTO import QueryDeviceGroupMembersInDTO
from downlink.northbound.client.dto.QueryDeviceGroupsInDTO import QueryDeviceGroupsInDTO
from downlink.northbound.client.dto.RefreshDeviceKeyInDTO import RefreshDeviceKeyInDTO
from downlink.northbound.client.dto.RefreshDeviceKeyWithSecretInDTO import RefreshDeviceKeyWithSecretInDTO
from downlink.northbound.client.dto.RegDirectDeviceInDTO import RegDirectDeviceInDTO
from downlink.northbound.client.dto.RegDirectDeviceWithSecretInDTO import RegDirectDeviceWithSecretInDTO
from downlink.northbound.client.dto.TagDTO2 import TagDTO2
from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.client.invokeapi.DataCollection import DataCollection
from downlink.northbound.client.invokeapi.DeviceGroupManagement import DeviceGroupManagement
from downlink.northbound.client.invokeapi.DeviceManagement import DeviceManagement
from downlink.northbound.client.invokeapi.DeviceServiceInvocation import DeviceServiceInvocation
from downlink.northbound.client.invokeapi.SignalDelivery import SignalDelivery

DOCUMENTED = {
    Authentication.getAuthToken: "clientInfo",
    Authentication.refreshAuthToken: "arInDTO",
    DeviceManagement.regDirectDevice: "rddInDto, appId, accessToken",
    DeviceManagement.refreshDeviceKey: "rdkInDTO, appId, accessToken",
    DeviceManagement.modifyDeviceInfo: "mdiInDto, deviceId, appId, accessToken",
    DeviceManagement.deleteDirectDevice: "deviceId, cascade, appId, accessToken",
    DeviceManagement.queryDeviceStatus: "deviceId, appId, accessToken",
    DataCollection.querySingleDeviceInfo: "deviceId, select, appId, accessToken",
    DataCollection.queryBatchDevicesInfo: "qbdiInDTO, accessToken",
    SignalDelivery.postDeviceCommand: "pdcInDTO, appId, accessToken",
    SignalDelivery.queryDeviceCommand: "qdcInDTO, accessToken",
    SignalDelivery.updateDeviceCommand: "udcInDTO, deviceCommandId, appId, accessToken",
    SignalDelivery.createDeviceCmdCancelTask: "cdcctInDTO, appId, accessToken",
    SignalDelivery.queryDeviceCmdCancelTask: "qdcctInDTO, accessToken",
    DeviceServiceInvocation.invokeDeviceService: "commandDTO, deviceId, serviceId, appId, accessToken",
    DeviceGroupManagement.createDeviceGroup: "cdgInDTO, accessToken",
    DeviceGroupManagement.deleteDeviceGroup: "devGroupId, accessAppId, accessToken",
    DeviceGroupManagement.modifyDeviceGroup: "mdgInDTO, devGroupId, accessAppId, accessToken",
    DeviceGroupManagement.queryDeviceGroups: "qdgInDTO, accessToken",
    DeviceGroupManagement.querySingleDeviceGroup: "devGroupId, accessAppId, accessToken",
    DeviceGroupManagement.queryDeviceGroupMembers: "qdgmInDTO, accessToken",
    DeviceGroupManagement.addDevicesToGroup: "dgwdlDTO, accessAppId, accessToken",
    DeviceGroupManagement.deleteDevicesFromGroup: "dgwdlDTO, accessAppId, accessToken",
}
PROFILE = {"manufacturerId": "Downlink", "manufacturerName": "Downlink", "model": "WM1", "deviceType": "WaterMeter", "protocolType": "MQTT"}


@pytest.fixture(scope="module")
def token(bed: Bed) -> str:
    return bed.token()


@pytest.mark.parametrize(("method", "parameters"), DOCUMENTED.items(), ids=[method.__name__ for method in DOCUMENTED])
def test_the_signatures_are_the_documented_ones(method: Any, parameters: str) -> None:
    found = inspect.signature(method).parameters
    assert ", ".join(found) == f"self, {parameters}"
    assert all(one.default is one.empty for one in found.values())


EVERY = [
    (service, name)
    for service in (DeviceManagement, DataCollection, SignalDelivery, DeviceServiceInvocation, DeviceGroupManagement)
    for name, method in vars(service).items()
    if inspect.isfunction(method)
]


@pytest.mark.parametrize(("service", "name"), EVERY, ids=[name for _, name in EVERY])
def test_every_method_is_called_through_the_class_with_any_self(bed: Bed, service: Any, name: str) -> None:
    parameters = list(inspect.signature(getattr(service, name)).parameters)[1:]
    texts: dict[str, Any] = {"deviceId": "d", "serviceId": "s", "deviceCommandId": "c", "devGroupId": "g"}
    texts |= dict.fromkeys(("cascade", "select", "appId", "accessAppId", "accessToken"))
    given = [texts[one] if one in texts else {"deviceId": "d"} for one in parameters]
    for foreign in (None, object(), service(), SignalDelivery(raise_errors=False)):
        answer = getattr(service, name)(foreign, *given)
        assert isinstance(answer, str)
        assert json.loads(answer)["error_code"] == answer.error_code == "100220"  # type: ignore[attr-defined]


def test_every_operation_of_the_document_has_its_method() -> None:
    methods = {name for _, name in EVERY} | {name for name in vars(Authentication) if not name.startswith("_")}
    documented = {
        operation["operationId"]
        for methods in json.loads(DOCUMENT.read_text())["paths"].values()
        for operation in methods.values()
        if "x-alias-of" not in operation
    }
    assert documented <= methods


def registration(node: str) -> RegDirectDeviceInDTO:
    dto = RegDirectDeviceInDTO()
    dto.setNodeId(node)
    dto.verifyCode = node
    dto.timeout = 0
    dto.deviceInfo.manufacturerId = PROFILE["manufacturerId"]
    dto.deviceInfo.setManufacturerName(PROFILE["manufacturerName"])
    dto.deviceInfo.model, dto.deviceInfo.deviceType = PROFILE["model"], PROFILE["deviceType"]
    return dto


def test_a_device_is_registered_changed_shown_and_deleted(bed: Bed, token: str) -> None:
    management = DeviceManagement()
    made = management.regDirectDevice(registration("code-1"), None, token)
    assert json.loads(made)["verifyCode"] == made.getVerifyCode() == "code-1"
    assert made.timeout == 0 and made.psk
    device = made.deviceId
    assert device is not None
    assert management.regDirectDevice(registration("code-1"), None, token).error_code == "100426"

    status = management.queryDeviceStatus(device, None, token)
    assert (status.deviceId, status.activated) == (device, False)

    change = ModifyDeviceInfoInDTO()
    change.name, change.mute = "cellar", "FALSE"
    field, tag = CustomField(), TagDTO2()
    field.fieldName, field.fieldType, field.fieldValue = "floor", "string", "2"
    tag.tagName, tag.tagValue = "kind", "test"
    change.customFields, change.tags = [field], [tag]
    change.deviceConfig = DeviceConfigDTO()
    change.deviceConfig.dataConfig.dataAgingTime = 30
    assert management.modifyDeviceInfo(change, device, None, token) == ""

    shown = DataCollection().querySingleDeviceInfo(device, None, None, token)
    assert shown.deviceInfo is not None and shown.services is not None
    assert (shown.deviceId, shown.deviceInfo.name, shown.deviceInfo.getModel()) == (device, "cellar", "WM1")
    assert json.loads(shown)["deviceInfo"]["name"] == "cellar"

    assert management.deleteDirectDevice(device, "true", None, token) == ""
    assert management.queryDeviceStatus(device, None, token).error_code == "100403"


@pytest.mark.parametrize("cascade", [None, True, False, "false"])
def test_cascade_may_be_a_truth_value(bed: Bed, token: str, cascade: Any) -> None:
    device = DeviceManagement().regDirectDevice({"nodeId": f"cascade-{cascade}"}, None, token).deviceId
    assert device is not None
    assert DeviceManagement().deleteDirectDevice(device, cascade, bed.platform.APP, token) == ""


def test_a_key_is_renewed_by_the_device_id_in_the_data_object(bed: Bed, token: str) -> None:
    dto = RefreshDeviceKeyInDTO()
    dto.setDeviceId(bed.meter.id)
    dto.verifyCode, dto.timeout = "another", "300"
    assert DeviceManagement().refreshDeviceKey(dto, None, token).error_code == "100610"
    bed.platform.play(bed.meter)
    answer = DeviceManagement().refreshDeviceKey(dto, None, token)
    assert (answer.verifyCode, answer.getTimeout()) == ("another", 300)
    assert dto.deviceId == bed.meter.id
    with pytest.raises(TypeError, match="deviceId must be a text"):
        DeviceManagement().refreshDeviceKey(RefreshDeviceKeyInDTO(), None, token)


def test_the_operations_that_the_vendor_lacks(bed: Bed, token: str) -> None:
    dto = RegDirectDeviceWithSecretInDTO()
    dto.deviceInfo = {"nodeId": "secret-1", **PROFILE}
    dto.mqttConnect = True
    made = DeviceManagement().regDirectDeviceWithSecret(dto, None, token)
    assert made.deviceId is not None and made.secret
    bed.platform.cli("device", "play", "secret-1", "--secret", made.secret)
    renewal = RefreshDeviceKeyWithSecretInDTO()
    renewal.secret = "00112233445566778899"
    renewed = DeviceManagement().refreshDeviceKeyWithSecret(renewal, made.deviceId, None, token)
    assert renewed.getSecret() == "00112233445566778899"


def test_devices_are_listed(bed: Bed, token: str) -> None:
    dto = QueryBatchDevicesInfoInDTO()
    dto.pageNo, dto.pageSize = "0", 100
    page = DataCollection().queryBatchDevicesInfo(dto, token)
    assert page.devices is not None
    assert page.totalCount == len(page.devices)
    assert bed.meter.id in [one.getDeviceId() for one in page.devices]
    dto.setPageNo(-1)
    assert DataCollection().queryBatchDevicesInfo(dto, token).error_code == "100216"


def test_a_group_is_made_filled_shown_and_deleted(bed: Bed, token: str) -> None:
    groups = DeviceGroupManagement()
    wanted = CreateDeviceGroupInDTO()
    wanted.setName("MillLane")
    wanted.maxDevNum, wanted.id = "0", "the platform gives its own"
    made = groups.createDeviceGroup(wanted, token)
    assert (made.name, made.getMaxDevNum(), made.curDevNum, made.appId) == ("MillLane", 0, 0, bed.platform.APP)
    assert made.id is not None and made.id != wanted.id
    assert groups.createDeviceGroup(wanted, token).error_code == "100602"

    devices = DeviceGroupWithDeviceListDTO()
    devices.setDevGroupId(made.id)
    devices.deviceIds = [bed.meter.id]
    added = groups.addDevicesToGroup(devices, None, token)
    assert (added.devGroupId, added.getDeviceIds()) == (made.id, [bed.meter.id])
    asked = QueryDeviceGroupMembersInDTO()
    asked.devGroupId = made.id
    members = groups.queryDeviceGroupMembers(asked, token)
    assert (members.totalCount, members.deviceIds) == (1, [bed.meter.id])

    change = ModifyDeviceGroupInDTO()
    change.maxDevNum = 1
    assert groups.modifyDeviceGroup(change, made.id, bed.platform.APP, token).maxDevNum == 1
    query = QueryDeviceGroupsInDTO()
    query.name = "MillLane"
    page = groups.queryDeviceGroups(query, token)
    assert page.list is not None
    assert [(one.getId(), one.creator, one.curDevNum) for one in page.list] == [(made.id, bed.platform.APP, 1)]
    assert groups.deleteDevicesFromGroup(added, None, token) == ""
    assert groups.querySingleDeviceGroup(made.id, None, token).curDevNum == 0
    assert groups.deleteDeviceGroup(made.id, None, token) == ""
    assert groups.querySingleDeviceGroup(made.id, None, token).error_code == "100603"


def order(bed: Bed) -> PostDeviceCommandInDTO:
    dto = PostDeviceCommandInDTO()
    dto.deviceId = bed.meter.id
    dto.command.serviceId, dto.command.method, dto.command.paras = "WaterMeter", "SET_PERIOD", {"value": 12}
    dto.setExpireTime(3600)
    return dto


def test_commands_are_posted_listed_and_cancelled_together(bed: Bed, token: str) -> None:
    delivery = SignalDelivery()
    posted = [delivery.postDeviceCommand(order(bed), None, token) for _ in range(2)]
    assert [one.getStatus() for one in posted] == ["PENDING"] * 2
    assert (posted[0].expireTime, posted[0].maxRetransmit, posted[0].appId) == (3600, 3, bed.platform.APP)

    query = QueryDeviceCommandInDTO()
    query.pageNo, query.pageSize, query.deviceId = "0", "1", bed.meter.id
    page = delivery.queryDeviceCommand(query, token)
    assert page.pagination is not None and page.data is not None
    assert (page.pagination.totalSize, page.pagination.pageSize, len(page.data)) == (2, 1, 1)
    assert page.data[0].getCommandId() == posted[1].commandId

    task = CreateDeviceCmdCancelTaskInDTO()
    task.setDeviceId(bed.meter.id)
    task.appId = None
    made = delivery.createDeviceCmdCancelTask(task, None, token)
    assert isinstance(made, CreateDeviceCmdCancelTaskOutDTO) and made.deviceCommands is not None
    assert (made.deviceId, made.getTotalCount(), len(made.deviceCommands)) == (bed.meter.id, 2, 2)

    tasks = QueryDeviceCmdCancelTaskInDTO()
    tasks.taskId = made.taskId
    until = time.monotonic() + 30
    while (done := delivery.queryDeviceCmdCancelTask(tasks, token)).data and done.data[0].status == "RUNNING":
        assert time.monotonic() < until
        time.sleep(0.02)
    assert done.data is not None and done.data[0].deviceCommands is not None
    assert [one.getTaskId() for one in done.data] == [made.taskId]
    assert done.data[0].status == "SUCCESS"
    assert {one.status for one in done.data[0].deviceCommands} == {"CANCELED"}


def test_what_the_service_does_not_know_is_refused(bed: Bed, token: str) -> None:
    dto = order(bed)
    dto.setCommand({"serviceId": "Nothing", "method": "SET_PERIOD"})
    assert SignalDelivery().postDeviceCommand(dto, None, token).error_code == "100431"
    # Untouched members are not sent.
    empty = SignalDelivery().postDeviceCommand(PostDeviceCommandInDTO(), None, token)
    assert empty.error_code == "100022"


def test_the_command_api_of_2017(bed: Bed, token: str) -> None:
    delivery = SignalDelivery()
    dto = PostDeviceCommandV12InDTO()
    dto.command = {"serviceId": "WaterMeter", "method": "SET_PERIOD", "paras": {"value": 12}}
    made = delivery.postDeviceCommandV12(dto, bed.meter.id, None, token)
    assert made.result is not None
    assert made.result.resultCode == "PENDING"
    query = QueryDeviceCommandV12InDTO()
    query.deviceId, query.pageSize = bed.meter.id, 1
    listed = delivery.queryDeviceCommandV12(query, token)
    assert listed.list is not None
    assert listed.list[0].commandId == made.commandId
    cancel = CreateDeviceCmdCancelTaskV12InDTO()
    cancel.deviceId = bed.meter.id
    cancelled = delivery.createDeviceCmdCancelTaskV12(cancel, None, token)
    assert cancelled.totalCount == 1
