"""Addresses, TLS, time-outs, retries, and what is raised when no answer comes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from northbound.bed import Bed
from platform_bed import Platform

from downlink.northbound import _calls, exceptions
from downlink.northbound.client.dto.UpdateDeviceCommandInDTO import UpdateDeviceCommandInDTO
from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.client.invokeapi.DeviceManagement import DeviceManagement
from downlink.northbound.client.invokeapi.SignalDelivery import SignalDelivery
from downlink.northbound.client.NorthApiClient import NorthApiClient
from downlink.northbound.constant.Constant import Constant
from downlink.northbound.constant.RestConstant import RestConstant


@pytest.fixture
def token(bed: Bed) -> str:
    return bed.token()


def test_a_call_by_address(bed: Bed, token: str) -> None:
    path = RestConstant.QUERY_DEVICE_STATUS + bed.meter.id
    said = json.loads(NorthApiClient.invokeAPI(RestConstant.HTTPGET, path, None, token))
    assert (said["deviceId"], said["activated"]) == (bed.meter.id, False)
    refused = NorthApiClient.invokeAPI("GET", path, None, None)
    assert json.loads(refused)["error_code"] == "100220"
    assert type(refused) is str


def test_a_call_by_address_with_parameters_and_bodies(bed: Bed, token: str) -> None:
    for path in (RestConstant.QUERY_DEVICE_COMMAND, RestConstant.QUERY_DEVICE_COMMAND.rstrip("?")):
        page = json.loads(NorthApiClient.invokeAPI("GET", path, {"pageSize": 7, "deviceId": None}, token))
        assert page["pagination"]["pageSize"] == 7
    page = json.loads(NorthApiClient.invokeAPI("GET", RestConstant.QUERY_DEVICE_COMMAND + "&pageSize=6", None, token))
    assert page["pagination"]["pageSize"] == 6
    body = json.dumps({"deviceId": bed.meter.id, "command": {"serviceId": "WaterMeter", "method": "SET_PERIOD", "paras": {"value": 12}}})
    posted = json.loads(NorthApiClient.invokeAPI("POST", RestConstant.POST_DEVICE_COMMAND, body, token))
    path = RestConstant.UPDATE_DEVICE_COMMAND + posted["commandId"]
    assert json.loads(NorthApiClient.invokeAPI("PUT", path, '{"status":"CANCELED"}', token))["status"] == "CANCELED"
    made = json.loads(NorthApiClient.invokeAPI("POST", RestConstant.REG_DIRECT_DEVICE, '{"nodeId":"by-address"}', token))
    assert NorthApiClient.invokeAPI("DELETE", RestConstant.DELETE_DIRECT_DEVICE + made["deviceId"], None, token) == ""


def test_a_login_by_address_is_a_form(bed: Bed) -> None:
    payload = {"appId": bed.platform.APP, "secret": bed.platform.secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = NorthApiClient.invokeAPI2("POST", bed.platform.url + RestConstant.APP_AUTH, headers, payload)
    assert json.loads(answer)["expiresIn"] == 3600
    with pytest.raises(ValueError, match="https://"):
        NorthApiClient.invokeAPI2("POST", "ftp://127.0.0.1/", {}, None)


class Secure:
    """A platform with TLS, and an application that is configured for it."""

    def __init__(self, work: Path) -> None:
        self.platform = Platform(tls=True)
        self.bed = Bed(self.platform, work)
        (work / "cert").mkdir()
        shutil.copy(self.platform.ca, work / "cert" / "ca.pem")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    made = Secure(tmp_path_factory.mktemp("secure"))
    yield made
    made.platform.stop()


def test_certificates_are_verified(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "workPath", str(secure.bed.work))
    secure.bed.configure()
    assert Constant().clientInfo()["platformIp"] == "https://localhost"
    with pytest.raises(exceptions.SSLError):
        Authentication().getAuthToken(Constant().clientInfo())
    with pytest.raises(exceptions.SSLError):
        NorthApiClient.invokeAPI("GET", RestConstant.QUERY_DEVICE_COMMAND, None, None)

    # Without a scheme it is https, as ever.
    secure.bed.configure(platformIp="localhost", trustCAPath="cert/ca.pem")
    token = secure.bed.token()
    status = DeviceManagement().queryDeviceStatus(secure.bed.meter.id, None, token)
    assert (status.deviceId, status.activated) == (secure.bed.meter.id, False)
    by_address = NorthApiClient.invokeAPI("GET", RestConstant.QUERY_DEVICE_STATUS + secure.bed.meter.id, None, token)
    assert json.loads(by_address) == json.loads(status)


def test_the_name_is_verified_too(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "workPath", str(secure.bed.work))
    # Another address of loopback, which the certificate does not name.
    secure.bed.configure(platformIp="127.0.0.2", trustCAPath="cert/ca.pem")
    with pytest.raises((exceptions.SSLError, exceptions.ConnectionError)):
        secure.bed.token()


def test_a_file_that_is_missing_is_said(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "workPath", str(secure.bed.work))
    secure.bed.configure(trustCAPath="cert/none.pem")
    with pytest.raises(FileNotFoundError, match=r"none\.pem"):
        secure.bed.token()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_no_answer_in_time(bed: Bed, silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "requestTimeout", 0.2)
    bed.configure(platformIp="http://127.0.0.1", platformPort=str(silent))
    try:
        with pytest.raises(exceptions.ReadTimeout):
            Authentication().getAuthToken(Constant().clientInfo())
        with pytest.raises(exceptions.ReadTimeout):
            NorthApiClient.invokeAPI("GET", RestConstant.QUERY_DEVICE_COMMAND, None, "token")
    finally:
        bed.configure()


def test_no_connection(bed: Bed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bed.configure(platformIp="http://127.0.0.1", platformPort=str(port))
    try:
        with pytest.raises(exceptions.ConnectionError) as raised:
            Authentication().getAuthToken(Constant().clientInfo())
        assert isinstance(raised.value, OSError)
        assert not isinstance(raised.value, exceptions.Timeout)
        assert bed.platform.secret not in str(raised.value)
        with pytest.raises(exceptions.ConnectionError):
            NorthApiClient.invokeAPI2("GET", f"http://127.0.0.1:{port}/", {}, None)
    finally:
        bed.configure()


def served(answer: bytes) -> tuple[int, threading.Thread]:
    """A port that answers one request so, whatever it is."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return server.getsockname()[1], thread


def test_an_answer_that_is_none_of_the_contract(bed: Bed) -> None:
    port, thread = served(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\nContent-Type: text/html\r\n\r\n<p>no</p>")
    bed.configure(platformIp="http://127.0.0.1", platformPort=str(port))
    try:
        with pytest.raises(exceptions.InvalidAnswer) as raised:
            Authentication().getAuthToken(Constant().clientInfo())
        assert raised.value.status_code == 502
    finally:
        thread.join()
        bed.configure()


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("not_connected", "operation timed out", exceptions.ConnectTimeout),
        ("not_connected", "connection refused", exceptions.ConnectionError),
        ("not_connected", "invalid peer certificate: unknownissuer", exceptions.SSLError),
        ("no_answer", "operation timed out", exceptions.ReadTimeout),
        ("no_answer", "connection reset", exceptions.ConnectionError),
    ],
)
def test_faults_have_their_class(kind: str, text: str, expected: type) -> None:
    assert _calls._kind(kind, text) is expected


def test_the_classes_are_derived_as_in_requests() -> None:
    assert issubclass(exceptions.RequestException, OSError)
    assert issubclass(exceptions.ReadTimeout, exceptions.Timeout)
    assert issubclass(exceptions.ConnectTimeout, exceptions.Timeout)
    assert issubclass(exceptions.ConnectTimeout, exceptions.ConnectionError)
    assert issubclass(exceptions.SSLError, exceptions.ConnectionError)
    for name in ("ConnectionError", "Timeout", "InvalidAnswer"):
        assert issubclass(getattr(exceptions, name), exceptions.RequestException)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for the package `requests`, with its exceptions as that derives them and calls them."""

    class RequestException(IOError):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.response = kwargs.pop("response", None)
            self.request = kwargs.pop("request", None)
            super().__init__(*args, **kwargs)

    class ConnectionError(RequestException):
        pass

    class Timeout(RequestException):
        pass

    class ReadTimeout(Timeout):
        pass

    module, inner = types.ModuleType("requests"), types.ModuleType("requests.exceptions")
    for kind in (RequestException, ConnectionError, Timeout, ReadTimeout):
        setattr(inner, kind.__name__, kind)
        setattr(module, kind.__name__, kind)
    module.exceptions = inner  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "requests", module)
    return module


def test_an_application_that_has_requests_catches_by_its_classes(bed: Bed, silent: int, requests: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "requestTimeout", 0.2)
    bed.configure(platformIp="http://127.0.0.1", platformPort=str(silent))
    try:
        with pytest.raises(requests.ReadTimeout) as raised:
            Authentication().getAuthToken(Constant().clientInfo())
        assert isinstance(raised.value, exceptions.ReadTimeout)
        assert isinstance(raised.value, requests.RequestException)
        assert raised.value.message == str(raised.value)
    finally:
        bed.configure()
    assert isinstance(exceptions.raised(exceptions.InvalidAnswer, "x"), requests.RequestException)
    # What that version of `requests` lacks stays ours alone.
    assert type(exceptions.raised(exceptions.SSLError, "x")) is exceptions.SSLError


def test_what_is_harmless_is_tried_again(bed: Bed, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dto = UpdateDeviceCommandInDTO()
    dto.status = "CANCELED"

    def code() -> Any:
        bed.platform.cli("fault", "set", "overload")
        return SignalDelivery().updateDeviceCommand(dto, "0" * 32, None, token).error_code

    assert code() == "100501"
    monkeypatch.setattr(Constant, "retryPatience", 10.0)
    assert code() == "100434"


def test_threads_share_a_service(bed: Bed, token: str) -> None:
    service, seen = DeviceManagement(), []
    threads = [
        threading.Thread(target=lambda: seen.append(service.queryDeviceStatus(bed.meter.id, None, token).activated)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 16


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with an authority for applications and, below `cert`, an application's certificate and key."""
    folder = tmp_path / "cert"
    folder.mkdir()
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=apps", "-keyout", "ca.key", "-out", "ca.crt")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-keyout", "client.key", "-out", "client.csr")
    (folder / "extensions").write_text("extendedKeyUsage = clientAuth\n")
    signing = ["-CA", "../ca.crt", "-CAkey", "../ca.key", "-CAcreateserial", "-days", "1", "-extfile", "extensions"]
    openssl(folder, "x509", "-req", "-in", "client.csr", *signing, "-out", "client.crt")
    return tmp_path


def test_the_own_certificate_is_shown(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--set", "north.client_certs=required", "--set", f"north.client_ca_file={authority / 'ca.crt'}"]
    platform = Platform(*flags, tls=True)
    monkeypatch.setattr(Constant, "workPath", str(authority))
    try:
        bed = Bed(platform, authority)
        bed.configure(trustCAPath=str(platform.ca))
        token = bed.token()
        assert DeviceManagement().queryDeviceStatus(bed.meter.id, None, token).activated is False
        path = RestConstant.QUERY_DEVICE_STATUS + bed.meter.id
        assert json.loads(NorthApiClient.invokeAPI("GET", path, None, token))["activated"] is False

        (authority / "cert" / "client.key").rename(authority / "cert" / "hidden.key")
        with pytest.raises(exceptions.ConnectionError):
            DeviceManagement().queryDeviceStatus(bed.meter.id, None, token)
        with pytest.raises(exceptions.ConnectionError):
            NorthApiClient.invokeAPI("GET", path, None, token)
    finally:
        platform.stop()


class Proxy:
    """A proxy that notes which request it would carry, and refuses it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for _ in range(2):
            connection, _ = self._server.accept()
            with connection:
                self.heard.append(connection.recv(65536).split(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self._thread.join(30)
        self._server.close()


def test_the_proxy_of_the_environment_is_used(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    bed.configure(platformIp="platform.example", platformPort="8743")
    try:
        with pytest.raises(exceptions.RequestException):
            Authentication().getAuthToken(Constant().clientInfo())
        with pytest.raises(exceptions.ConnectionError):
            NorthApiClient.invokeAPI("GET", RestConstant.QUERY_DEVICE_COMMAND, None, None)
        assert [line.split()[:2] for line in proxy.heard] == [[b"CONNECT", b"platform.example:8743"]] * 2
    finally:
        bed.configure()
        proxy.close()
