"""What goes wrong between a client and the platform."""

from __future__ import annotations

import pickle
import socket
import time
from collections.abc import Callable, Iterator

import pytest

import downlink
from downlink import Command, ErrorCode
from platform_bed import Device, Platform, answering

CLOSE = Command("WaterMeter", "CLOSE_VALVE")
QUICK = downlink.Retry(first_wait=0.001, longest_wait=0.01)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a listener that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def unused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_nobody_listens() -> None:
    with downlink.Client(unused(), "app", "secret") as client, pytest.raises(downlink.NotConnectedError) as failed:
        client.query_device_status("x")
    assert failed.value.surely_harmless and failed.value.is_retryable and failed.value.code is None


def test_no_answer_in_time(silent: str) -> None:
    with downlink.Client(silent, "app", "secret", timeout=0.2) as client, pytest.raises(downlink.NoAnswerError) as failed:
        client.query_device_status("x")
    assert failed.value.is_retryable and not failed.value.surely_harmless


def test_a_whole_call_is_bounded(silent: str) -> None:
    retry = downlink.Retry(tries=1000, first_wait=0.01, longest_wait=0.01)
    with downlink.Client(silent, "app", "secret", timeout=0.1, call_timeout=0.5, retry=retry) as client:
        began = time.monotonic()
        with pytest.raises(downlink.NoAnswerError):
            client.query_device_status("x")
    assert 0.4 < time.monotonic() - began < 5


def test_an_answer_that_the_contract_does_not_know() -> None:
    with answering("200 OK", b'{"accessToken":"topsecret"') as url, downlink.Client(url, "app", "secret") as client:
        with pytest.raises(downlink.UnexpectedAnswerError) as failed:
            client.get_auth_token()
    assert failed.value.status == 200 and "topsecret" not in str(failed.value)


@pytest.mark.parametrize("url", ["", "platform:8743", "ftp://platform"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(downlink.SettingError, match="base_url"):
        downlink.Client(url, "app", "secret")


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(downlink.SettingError, match="ca_pem"):
        downlink.Client("https://localhost", "app", "secret", ca="-----BEGIN nothing")
    with pytest.raises(ValueError, match="timeout"):
        downlink.Client("http://localhost", "app", "secret", timeout=-1)
    with pytest.raises(TypeError, match="proxies"):
        downlink.Client("http://localhost", "app", "secret", proxies={})  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError):
        downlink.Client("https://localhost", "app", "secret", ca="no/such/file")


def test_a_proxy_is_talked_to_only_if_it_is_named(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        with downlink.Client(platform.url, Platform.APP, platform.secret) as client:
            client.get_auth_token()
        for proxy in ("environment", address.replace("//", "//user:hunter2@")):
            with downlink.Client("http://platform.example", "app", "secret", proxy=proxy, timeout=0.3) as client:
                with pytest.raises(downlink.NoAnswerError) as failed:
                    client.get_auth_token()
                assert "hunter2" not in f"{failed.value} {client!r}"
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(65536).startswith(b"POST http://platform.example/iocm/app/sec/")
    with pytest.raises(downlink.SettingError, match="proxy") as refused:
        downlink.Client("http://localhost", "app", "secret", proxy="no address:hunter2")
    assert "hunter2" not in str(refused.value)


def test_what_json_does_not_have_is_not_sent(platform: Platform, client: downlink.Client, meter: Device) -> None:
    before = platform.requests("postDeviceCommand")
    for paras in ({"value": float("nan")}, {"value": object()}, {"value": "\ud800"}):
        with pytest.raises((TypeError, ValueError)):
            client.post_device_command(meter.id, Command("WaterMeter", "SET_PERIOD", paras))
    assert platform.requests("postDeviceCommand") == before


def test_a_closed_client_says_so(new_client: Callable[..., downlink.Client]) -> None:
    client = new_client()
    client.close()
    with pytest.raises(downlink.SettingError, match="closed"):
        client.query_device_status("x")


def test_a_wrong_secret(platform: Platform) -> None:
    with downlink.Client(platform.url, Platform.APP, "hunter2") as client, pytest.raises(downlink.ContractError) as refused:
        client.query_device_status("x")
    assert refused.value.code is ErrorCode.WRONG_SECRET and "hunter2" not in str(refused.value)


def test_overload_passes_and_the_command_exists_once(platform: Platform, new_client: Callable[..., downlink.Client], meter: Device) -> None:
    patient, impatient = new_client(retry=QUICK), new_client()
    patient.access_token()
    platform.cli("fault", "set", "overload")
    command = patient.post_device_command(meter.id, CLOSE)
    assert [one.command_id for one in patient.query_device_command(device_id=meter.id).data] == [command.command_id]
    impatient.access_token()
    platform.cli("fault", "set", "overload")
    with pytest.raises(downlink.ContractError) as refused:
        impatient.post_device_command(meter.id, CLOSE)
    assert refused.value.code is ErrorCode.FLOW_CONTROLLED and refused.value.retry_after is not None


def test_a_code_that_this_version_does_not_know_is_taken_as_it_is() -> None:
    code = ErrorCode("999999")
    assert code == "999999" and not code.is_known and code.facts is None and str(code) == "999999"
    assert ErrorCode("100428").is_known and ErrorCode("100428") is ErrorCode.DEVICE_OFFLINE
    facts = ErrorCode.DEVICE_OFFLINE.facts
    assert facts is not None and facts.retryable and facts.surely_harmless and facts.text == "The device is not online."


def test_an_error_travels_between_processes(client: downlink.Client) -> None:
    with pytest.raises(downlink.ContractError) as refused:
        client.query_device_status("x")
    copy = pickle.loads(pickle.dumps(refused.value))
    assert type(copy) is downlink.ContractError and vars(copy) == vars(refused.value) and str(copy) == str(refused.value)
    assert copy.code is ErrorCode.DEVICE_UNKNOWN


def test_a_client_shows_no_secret_and_is_not_pickled(platform: Platform, client: downlink.Client) -> None:
    token = client.access_token()
    shown = f"{client!r} {client} {client.for_owner('other')!r} {client._native!r}"
    assert "app" in shown and "other" in shown
    assert platform.secret not in shown and token not in shown
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(client)


def test_the_log_names_calls_and_no_secret(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with downlink.Client(platform.url, Platform.APP, platform.secret) as client:
        token = client.get_auth_token()
        client.query_device_command()
        with pytest.raises(downlink.ContractError) as refused:
            client.query_device_status("x")
    assert "queryDeviceCommand answered with 200 after" in caplog.text
    assert "queryDeviceStatus failed after" in caplog.text and f"request {refused.value.request_id}" in caplog.text
    for secret in (platform.secret, token.access_token, str(token.refresh_token)):
        assert secret not in caplog.text
