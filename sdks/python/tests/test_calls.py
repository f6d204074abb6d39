"""Calls of `downlink.Client`: typed, under the contract's names, against the real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

import downlink
from downlink import Command, CommandStatus, ErrorCode, InvokeHeader
from platform_bed import Device, Platform

SET_PERIOD = Command("WaterMeter", "SET_PERIOD", {"value": 12})


def test_a_command_lives_from_its_creation_to_its_success(platform: Platform, client: downlink.Client, meter: Device) -> None:
    command = client.post_device_command(meter.id, SET_PERIOD, expire_time=3600, max_retransmit=2)
    assert command.status is CommandStatus.PENDING
    assert (command.device_id, command.app_id, command.expire_time, command.max_retransmit) == (meter.id, "app", 3600, 2)
    assert command.command == SET_PERIOD
    assert command.creation_time.tzinfo is timezone.utc
    assert (command.result, command.execute_time) == (None, None)
    platform.play(meter, "--commands", "1", "--body", '{"result":0}')
    (ended,) = client.query_device_command(device_id=meter.id).data
    assert ended.status is CommandStatus.SUCCESSFUL and ended.result is not None
    assert (ended.result.result_code, ended.result.result_detail) == (CommandStatus.SUCCESSFUL, {"result": 0})


def test_a_command_is_cancelled_once(client: downlink.Client, meter: Device) -> None:
    command = client.post_device_command(meter.id, SET_PERIOD)
    assert client.update_device_command(command.command_id).status is CommandStatus.CANCELED
    with pytest.raises(downlink.ContractError) as refused:
        client.update_device_command(command.command_id)
    error = refused.value
    assert error.code == "100435"
    assert error.code is ErrorCode.COMMAND_NOT_CANCELLABLE
    assert (error.status, error.is_retryable, error.surely_harmless) == (200, False, True)
    assert error.request_id and error.desc in str(error) and "100435" in str(error)
    assert error.body.startswith("{") and '"100435"' in error.body


def test_a_refusal_says_what_is_wrong_in_this_request(client: downlink.Client, meter: Device) -> None:
    with pytest.raises(downlink.ContractError) as refused:
        client.post_device_command(meter.id, Command("WaterMeter", "SET_PERIOD", {"valve": 1}))
    assert refused.value.code == ErrorCode.INVALID_INPUT
    assert refused.value.detail is not None and "valve" in refused.value.detail


def test_a_cancel_task_cancels_all_that_is_pending(client: downlink.Client, meter: Device) -> None:
    ids = {client.post_device_command(meter.id, SET_PERIOD).command_id for _ in range(3)}
    task = client.create_device_cmd_cancel_task(meter.id)
    assert task.total_count == 3 and {one.command_id for one in task.device_commands} == ids
    (seen,) = client.query_device_cmd_cancel_task(task_id=task.task_id).data
    assert seen.status is downlink.CancelTaskStatus.SUCCESS


def test_an_awake_device_is_called_and_a_sleeping_one_is_not(platform: Platform, client: downlink.Client, meter: Device) -> None:
    header = InvokeHeader(mode=downlink.Mode.ACK, method="SET_PERIOD", to_type=downlink.ToType.CLOUD)
    with pytest.raises(downlink.ContractError) as refused:
        client.invoke_device_service(meter.id, "WaterMeter", header, body={"value": 12})
    assert refused.value.code is ErrorCode.DEVICE_OFFLINE
    assert refused.value.is_retryable and refused.value.surely_harmless
    with platform.awake(meter, "--commands", "1"):
        answer = client.invoke_device_service(meter.id, "WaterMeter", header, body={"value": 12})
    assert answer.status is downlink.InvokeStatus.DELIVERED and answer.timestamp == answer.time_stamp


def test_devices_are_registered_asked_about_changed_and_deleted(platform: Platform, client: downlink.Client) -> None:
    info = downlink.SecretModeInfo(
        "by-python", manufacturer_id="Downlink", manufacturer_name="Downlink", model="WM1", device_type="WaterMeter", protocol_type="MQTT"
    )
    made = client.reg_direct_device_with_secret(info, mqtt_connect=True)
    assert made.secret
    device = Device(made.device_id, "by-python", made.secret)
    platform.play(device)
    assert client.query_device_status(device.id).activated
    client.modify_device_info(device.id, name="cellar", tags=[downlink.Tag("floor", "-1")])
    seen = client.query_single_device_info(device.id)
    assert seen.device_info.name == "cellar" and seen.node_type is downlink.NodeType.GATEWAY
    assert device.id in {one.device_id for one in client.iter_query_batch_devices_info(page_size=1)}
    assert client.refresh_device_key_with_secret(device.id).secret != made.secret
    client.delete_direct_device(device.id, cascade=False)
    with pytest.raises(downlink.ContractError) as refused:
        client.query_device_status(device.id)
    assert refused.value.code is ErrorCode.DEVICE_UNKNOWN


def test_a_device_of_the_old_mode_is_registered_and_its_key_refreshed(client: downlink.Client) -> None:
    made = client.reg_direct_device("imei-1", verify_code="imei-1", timeout=0)
    assert (made.verify_code, made.timeout) == ("imei-1", 0)
    with pytest.raises(downlink.ContractError) as refused:
        client.refresh_device_key(made.device_id, verify_code="imei-2")
    assert refused.value.code is ErrorCode.DEVICE_INACTIVE


def test_the_operations_of_2017_answer_still(client: downlink.Client, meter: Device) -> None:
    old = client.post_device_command_v12(meter.id, SET_PERIOD)
    assert old.command_id in {one.command_id for one in client.query_device_command_v12(device_id=meter.id).list_}
    cancelled = client.create_device_cmd_cancel_task_v12(meter.id)
    assert [one.command_id for one in cancelled.list_] == [old.command_id]


def test_a_group_is_made_filled_changed_and_deleted(client: downlink.Client, meter: Device) -> None:
    made = client.create_device_group("MillLane", device_ids=[meter.id])
    assert (made.app_id, made.max_dev_num, made.cur_dev_num, made.creator) == (Platform.APP, 0, 1, None)
    with pytest.raises(downlink.ContractError) as refused:
        client.create_device_group("MillLane")
    assert refused.value.code is ErrorCode.GROUP_NAME_TAKEN and refused.value.surely_harmless
    assert client.modify_device_group(made.id, description="Mill Lane", max_dev_num=1).cur_dev_num == 1
    client.delete_devices_from_group(made.id, [meter.id])
    assert client.add_devices_to_group(made.id, [meter.id]).device_ids == [meter.id]
    assert client.query_device_group_members(dev_group_id=made.id).total_count == 1
    shown = client.query_single_device_group(made.id, access_app_id=Platform.APP)
    assert (shown.description, shown.max_dev_num, shown.creator) == ("Mill Lane", 1, Platform.APP)
    client.delete_device_group(made.id)
    with pytest.raises(downlink.ContractError) as refused:
        client.query_single_device_group(made.id)
    assert refused.value.code is ErrorCode.GROUP_UNKNOWN


def test_iterators_go_through_every_group_and_its_devices(client: downlink.Client, meter: Device) -> None:
    others = [client.reg_direct_device(f"grouped-{number}", timeout=0).device_id for number in range(2)]
    ids = [client.create_device_group(f"Lane{number}", device_ids=[*others, meter.id]).id for number in range(3)]
    assert {one.id for one in client.iter_query_device_groups(page_size=2)} == set(ids)
    seen = list(client.iter_query_device_group_members(dev_group_id=ids[0], page_size=2))
    assert len(seen) == 3 and set(seen) == {*others, meter.id}
    for one in ids:
        client.delete_device_group(one)


def test_an_iterator_goes_through_every_page(client: downlink.Client, meter: Device) -> None:
    ids = [client.post_device_command(meter.id, SET_PERIOD).command_id for _ in range(5)]
    seen = [one.command_id for one in client.iter_query_device_command(device_id=meter.id, page_size=2)]
    assert seen == ids[::-1]
    pager = client.iter_query_device_command(device_id=meter.id, page_size=5)
    assert [len(page) for page in (pager.next_page(), pager.next_page()) if page is not None] == [5, 0]
    assert pager.next_page() is None


def test_what_comes_while_a_list_is_read_is_not_shown_twice(client: downlink.Client, meter: Device) -> None:
    ids = [client.post_device_command(meter.id, SET_PERIOD).command_id for _ in range(4)]
    seen: list[str] = []
    for one in client.iter_query_device_command(device_id=meter.id, page_size=2):
        if not seen:
            client.post_device_command(meter.id, SET_PERIOD)
        seen.append(one.command_id)
    assert seen == ids[::-1]


def test_a_list_is_bounded_in_time(client: downlink.Client, meter: Device) -> None:
    command = client.post_device_command(meter.id, SET_PERIOD)
    after = command.creation_time + timedelta(seconds=1)
    assert len(client.query_device_command(device_id=meter.id, start_time=command.creation_time, end_time=after).data) == 1
    assert client.query_device_command(device_id=meter.id, start_time=after).data == []
    with pytest.raises(ValueError, match="time zone"):
        client.query_device_command(start_time=datetime(2026, 1, 1))


def test_the_same_key_creates_once_and_a_random_one_each_time(client: downlink.Client, meter: Device) -> None:
    once = {client.post_device_command(meter.id, SET_PERIOD, idempotency_key="mine").command_id for _ in range(2)}
    assert len(once) == 1
    with pytest.raises(downlink.ContractError) as refused:
        client.post_device_command(meter.id, SET_PERIOD, expire_time=1, idempotency_key="mine")
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_CONFLICT
    many = {client.post_device_command(meter.id, SET_PERIOD, idempotency_key=key).command_id for key in (None, None, False, False)}
    assert len(many) == 4
    with pytest.raises(ValueError):
        client.post_device_command(meter.id, SET_PERIOD, idempotency_key="no key")


def test_another_applications_devices_need_its_grant(platform: Platform, client: downlink.Client) -> None:
    platform.cli("app", "create", "--id", "owner")
    other = client.for_owner("owner")
    with pytest.raises(downlink.ContractError) as refused:
        other.query_device_command()
    assert refused.value.code is ErrorCode.NOT_AUTHORISED
    assert other.query_device_command(app_id="app").pagination.page_no == 0
    platform.cli("app", "grant", "owner", "--to", "app")
    assert other.query_device_command().data == []
    made = other.create_device_group("Owned")
    assert (made.app_id, other.query_single_device_group(made.id).creator) == ("owner", Platform.APP)
    assert client.create_device_group("Named", access_app_id="owner").app_id == "owner"


def test_login_renewal_and_logout_are_about_the_clients_own_token(new_client: Callable[..., downlink.Client]) -> None:
    client = new_client()
    first = client.get_auth_token()
    assert client.access_token() == first.access_token and first.expires_in > 0
    second = client.refresh_auth_token()
    assert client.access_token() == second.access_token != first.access_token
    client.logout_auth_token()
    assert client.access_token() != second.access_token
    assert first.access_token not in repr(first) and str(first.refresh_token) not in repr(first)


def test_a_token_that_ended_is_replaced(platform: Platform, client: downlink.Client, meter: Device) -> None:
    client.query_device_status(meter.id)
    platform.cli("clock", "advance", "2h")
    client.query_device_status(meter.id)


def test_texts_go_as_they_are(client: downlink.Client, meter: Device) -> None:
    status, text = client.call("queryDeviceStatus", [meter.id])
    assert status == 200 and meter.id in text
    token = client.access_token()
    assert client.call("queryDeviceStatus", [meter.id], access_token=token).json()["deviceId"] == meter.id
    for access_token, code in ((False, ErrorCode.NO_APP_KEY), ("wrong", ErrorCode.INVALID_TOKEN)):
        with pytest.raises(downlink.ContractError) as refused:
            client.call("queryDeviceStatus", [meter.id], access_token=access_token)  # type: ignore[arg-type]
        assert refused.value.code is code
    with pytest.raises(ValueError, match="noSuchCall"):
        client.call("noSuchCall")


def test_processes_share_a_token(platform: Platform, client: downlink.Client, new_client: Callable[..., downlink.Client], meter: Device) -> None:
    token, other = client.access_token(), new_client()
    before = platform.requests("getAuthToken")
    shared = other.with_access_token(token)
    assert shared.query_device_status(meter.id).device_id == meter.id and shared.access_token() == token
    assert platform.requests("getAuthToken") == before
    assert token not in repr(shared)
    with pytest.raises(downlink.ContractError) as refused:
        other.with_access_token("ended").query_device_status(meter.id)
    assert refused.value.code is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize("device_id", ["", ".", ".."])
def test_an_id_that_would_lead_elsewhere_is_not_sent(platform: Platform, client: downlink.Client, device_id: str) -> None:
    client.access_token()
    before = platform.requests("queryDeviceStatus")
    with pytest.raises(downlink.SettingError) as refused:
        client.query_device_status(device_id)
    assert refused.value.surely_harmless
    assert platform.requests("queryDeviceStatus") == before


def test_an_id_is_one_part_of_the_path_whatever_is_in_it(client: downlink.Client) -> None:
    for device_id in ("a/b?c=d#e", "ü", "%2e"):
        with pytest.raises(downlink.ContractError) as refused:
            client.query_device_status(device_id)
        assert refused.value.code is ErrorCode.DEVICE_UNKNOWN
