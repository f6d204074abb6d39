"""`Constant`, its file, and the log file for those who ask for one."""

from __future__ import annotations

import configparser
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from downlink.northbound import _endpoint
from downlink.northbound.client.dto.ClientInfo import ClientInfo
from downlink.northbound.constant.Constant import Constant
from downlink.northbound.utils.LogUtil import Log

INI = """[CLIENT_INFO]
platformIp = platform.example
platformPort = 8743
appId = mine
secret = 50%of it

[SECOND_INFO]
platformIp = ::1
platformPort = 8744
appId = second
secret = s2
trustCAPath = cert/ca.pem
"""


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "application.ini").write_text(INI)
    monkeypatch.setattr(Constant, "workPath", str(tmp_path))
    return tmp_path


def test_the_section_is_a_dict_of_four_members() -> None:
    assert Constant().clientInfo() == {
        "platformIp": "platform.example",
        "platformPort": "8743",
        "appId": "mine",
        "secret": "50%of it",
    }
    assert Constant().readConfFile() == ("platform.example", "8743", "mine", "50%of it")


def test_another_section_is_read_by_its_name(work: Path) -> None:
    assert Constant().readConfFileEx("SECOND_INFO") == ("::1", "8744", "second", "s2")
    second = Constant().clientInfoEx("SECOND_INFO")
    assert second["trustCAPath"] == str(work / "cert" / "ca.pem")
    assert _endpoint.of(second).base_url == "https://[::1]:8744"
    assert _endpoint.of(second).authorities == second["trustCAPath"]


def test_the_file_is_read_again_for_every_call(work: Path) -> None:
    assert _endpoint.own().app_id == "mine"
    (work / "resources" / "application.ini").write_text(INI.replace("appId = mine", "appId = other"))
    assert _endpoint.own().app_id == "other"


def test_a_missing_file_section_or_key_is_said(work: Path) -> None:
    with pytest.raises(configparser.NoSectionError, match="NOTHING"):
        Constant().clientInfoEx("NOTHING")
    path = work / "resources" / "application.ini"
    path.write_text(INI.replace("secret = 50%of it", ""))
    with pytest.raises(configparser.NoOptionError, match="secret"):
        Constant().clientInfo()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"application\.ini"):
        Constant().clientInfo()


def test_certificates_are_shown_if_both_are_there(work: Path) -> None:
    certificate, key = Constant().readCertificate()
    assert (certificate, key) == (str(work / "cert/client.crt"), str(work / "cert/client.key"))
    assert _endpoint.certificate() is None
    (work / "cert").mkdir()
    Path(certificate).touch()
    assert _endpoint.certificate() is None
    Path(key).touch()
    assert _endpoint.certificate() == (certificate, key)


def test_a_dict_and_an_object_say_the_same() -> None:
    info = ClientInfo()
    info.setPlatformIp("platform.example")
    info.setPlatformPort("8743")
    info.setAppId("mine")
    info.setSecret("50%of it")
    assert _endpoint.of(info) == _endpoint.own()


def test_empty_and_missing_members_are_refused() -> None:
    with pytest.raises(ValueError, match="appId is empty"):
        _endpoint.of({**Constant().clientInfo(), "appId": " "})
    with pytest.raises(KeyError, match="secret"):
        _endpoint.of({"platformIp": "x", "platformPort": "1", "appId": "a"})


def test_the_secret_is_not_shown() -> None:
    assert "50%" not in repr(_endpoint.own())


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.0.0.1", "8743", "https://10.0.0.1:8743"),
        ("https://p.example/", "443", "https://p.example:443"),
        ("http://127.0.0.1", "80", "http://127.0.0.1:80"),
        ("[::1]", "1", "https://[::1]:1"),
    ],
)
def test_an_address_is_https_unless_it_says_otherwise(host: str, port: str, url: str) -> None:
    assert _endpoint.base_url(host, port) == url


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    for handler in list(logger.handlers):
        if handler not in handlers:
            logger.removeHandler(handler)
            handler.close()


def test_a_log_file_is_written_when_it_is_asked_for(work: Path, root: logging.Logger) -> None:
    before = len(root.handlers)
    Log().setLogConfig()
    Log().setLogConfig(level=logging.INFO)
    assert len(root.handlers) == before + 1
    logging.info("a line of the application")
    assert "a line of the application" in (work / "log" / "python_sdk.log").read_text()
    Log().setLogConfig(logPath=None, logFilename="mine.log")
    assert (work / "mine.log").exists()


def test_level_0_configures_nothing(work: Path, root: logging.Logger) -> None:
    before = list(root.handlers)
    Log().setLogConfig(level=0)
    assert root.handlers == before
    assert not (work / "log").exists()
