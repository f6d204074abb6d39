"""Tokens: login, refresh, logout, and the timer that keeps one."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from northbound.bed import Bed
from platform_bed import Platform

from downlink.northbound import _endpoint, _timer
from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO
from downlink.northbound.client.dto.AuthRefreshInDTO import AuthRefreshInDTO
from downlink.northbound.client.dto.ClientInfo import ClientInfo
from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.client.invokeapi.DeviceManagement import DeviceManagement
from downlink.northbound.client.NorthApiException import NorthApiException
from downlink.northbound.constant.Constant import Constant
from downlink.northbound.exceptions import ConnectionError

LOG = "downlink.northbound"


def code(bed: Bed, token: Any) -> Any:
    """What a call with this token is refused with; None if it succeeds."""
    return DeviceManagement().queryDeviceStatus(bed.meter.id, None, token).error_code


def until(holds: Callable[[], bool]) -> None:
    """Waits until this holds, at most 30 s."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_login_takes_the_dict(bed: Bed) -> None:
    result = Authentication().getAuthToken(Constant().clientInfo())
    said = json.loads(result)
    # As applications do it that have no members on the text.
    old = AuthOutDTO()
    old.setAccessToken(said["accessToken"])
    assert old.getAccessToken() == result.accessToken == result.getAccessToken()
    assert (result.expiresIn, result.tokenType, result.getScope()) == (3600, "bearer", "default")
    assert code(bed, old.getAccessToken()) is None
    assert said["accessToken"] not in repr(result)


def test_a_login_takes_an_object_too(bed: Bed) -> None:
    info = ClientInfo()
    for key, value in bed.info().items():
        setattr(info, key, value)
    assert code(bed, Authentication().getAuthToken(info).accessToken) is None


def test_a_refused_login_is_its_json_text(bed: Bed) -> None:
    wrong = {**Constant().clientInfo(), "secret": "wrong"}
    result = Authentication().getAuthToken(wrong)
    assert (json.loads(result)["error_code"], result.status_code, result.accessToken) == ("100208", 401, None)
    with pytest.raises(NorthApiException, match="100208") as raised:
        Authentication(raise_errors=True).getAuthToken(wrong)
    assert "wrong" not in str(raised.value)
    assert Authentication.getAuthToken(None, wrong).error_code == "100208"


def test_a_token_is_refreshed(bed: Bed) -> None:
    first = Authentication().getAuthToken(Constant().clientInfo())
    dto = AuthRefreshInDTO()
    dto.appId, dto.secret = bed.platform.APP, bed.platform.secret
    dto.setRefreshToken(first.refreshToken)
    second = Authentication().refreshAuthToken(dto)
    assert second.accessToken != first.accessToken
    assert second.getExpiresIn() == 3600
    assert code(bed, second.accessToken) is None
    # The earlier token stays for 30 s.
    assert code(bed, first.accessToken) is None
    dto.refreshToken = "0" * 32
    assert Authentication().refreshAuthToken(dto).error_code is not None


def test_a_token_is_ended(bed: Bed) -> None:
    token = bed.token()
    assert Authentication().logoutAuthToken(token) == ""
    assert code(bed, token) == "1010005"


def test_without_a_timer_none_sends_no_credentials(bed: Bed) -> None:
    bed.token()
    assert code(bed, None) == "100220"


def test_with_a_timer_none_is_its_token(bed: Bed) -> None:
    answer = Authentication().startRefreshTokenTimer()
    assert answer.expiresIn == 3600
    assert code(bed, None) is None
    assert code(bed, answer.accessToken) is None
    # It runs: another start changes nothing.
    assert Authentication().startRefreshTokenTimer() == ""
    assert code(bed, answer.accessToken) is None
    Authentication().stopRefreshTokenTimer()
    Authentication().stopRefreshTokenTimer()
    assert code(bed, None) == "100220"
    assert code(bed, answer.accessToken) is None
    assert Authentication().startRefreshTokenTimer().accessToken is not None


def test_the_timer_renews_with_the_refresh_token(bed: Bed) -> None:
    logins = bed.platform.requests("getAuthToken")
    first = Authentication().startRefreshTokenTimer(interval=0.2)
    timer = _timer.running(_endpoint.own())
    assert timer is not None
    until(lambda: timer.token() != first.accessToken)
    second = timer.token()
    until(lambda: timer.token() != second)
    assert code(bed, None) is None
    assert bed.platform.requests("getAuthToken") == logins + 1


def test_a_renewal_that_fails_is_repeated_and_logged(bed: Bed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_timer, "RETRY_FIRST", 0.05)
    first = Authentication().startRefreshTokenTimer(interval=0.2)
    timer = _timer.running(_endpoint.own())
    assert timer is not None
    with caplog.at_level(logging.INFO, LOG):
        # A refresh and the login after it fail, twice; the third time it succeeds.
        bed.platform.cli("fault", "set", "overload", "--times", "4")
        until(lambda: "the token is renewed, after 2 failures" in caplog.text)
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert warnings[0].startswith("the token could not be renewed (100501 ")
    assert "tries again in" in warnings[0]
    assert timer.token() != first.accessToken
    assert code(bed, None) is None
    for secret in (bed.platform.secret, first.accessToken, first.refreshToken, timer.token()):
        assert secret is not None and secret not in caplog.text


def test_the_timer_survives_a_platform_that_is_away(
    bed: Bed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_timer, "RETRY_FIRST", 0.05)
    away = Platform()
    host, _, port = away.url.rpartition(":")
    bed.configure(platformIp=host, platformPort=port, secret=away.secret)
    try:
        Authentication().startRefreshTokenTimer(interval=0.1)
        timer = _timer.running(_endpoint.own())
        with caplog.at_level(logging.WARNING, LOG):
            away.stop()
            until(lambda: caplog.text.count("no connection to the platform") >= 2)
        assert _timer.running(_endpoint.own()) is timer
        assert timer is not None and timer._thread.is_alive()
    finally:
        Authentication().stopRefreshTokenTimer()
        bed.configure()


def test_a_token_that_somebody_else_has_ended_is_replaced_at_once(bed: Bed) -> None:
    Authentication().startRefreshTokenTimer()
    bed.platform.cli("clock", "advance", "3h")
    assert code(bed, None) is None


def test_many_callers_share_one_renewal(bed: Bed) -> None:
    Authentication().startRefreshTokenTimer()
    bed.platform.cli("clock", "advance", "3h")
    before = bed.platform.requests("getAuthToken") + bed.platform.requests("refreshAuthToken")
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(code(bed, None))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [None] * 8
    assert bed.platform.requests("getAuthToken") + bed.platform.requests("refreshAuthToken") <= before + 2


def test_a_login_by_hand_does_not_break_the_timer(bed: Bed) -> None:
    Authentication().startRefreshTokenTimer()
    timer = _timer.running(_endpoint.own())
    assert timer is not None
    mine = bed.token()
    assert timer.token() == mine
    assert code(bed, None) is None


def test_a_secret_may_be_replaced_while_the_timer_runs(bed: Bed) -> None:
    Authentication().startRefreshTokenTimer()
    bed.platform.secret = bed.platform.cli("app", "rotate-secret", bed.platform.APP)["secret"]
    bed.configure()
    bed.platform.cli("clock", "advance", "3h")
    assert code(bed, None) is None


def test_no_timer_runs_after_a_refused_start(bed: Bed) -> None:
    bed.configure(secret="wrong")
    try:
        assert Authentication().startRefreshTokenTimer().error_code == "100208"
        assert _timer.running(_endpoint.own()) is None
    finally:
        bed.configure()


def test_no_timer_runs_after_a_start_without_an_answer(bed: Bed) -> None:
    bed.configure(platformPort="9")
    try:
        with pytest.raises(ConnectionError):
            Authentication().startRefreshTokenTimer()
        assert _timer.running(_endpoint.own()) is None
    finally:
        bed.configure()


def test_logging_out_ends_the_timer(bed: Bed) -> None:
    token = Authentication().startRefreshTokenTimer().accessToken
    assert Authentication().logoutAuthToken(None) == ""
    assert code(bed, token) == "1010005"
    assert code(bed, None) == "100220"


def test_two_applications_have_two_tokens(bed: Bed) -> None:
    second = bed.platform.cli("app", "create", "--id", "second", "--unthrottled")["secret"]
    bed.section("SECOND_INFO", {**bed.info(), "appId": "second", "secret": second})
    info = Constant().clientInfoEx("SECOND_INFO")
    own = Authentication().startRefreshTokenTimer().accessToken
    theirs = Authentication().startRefreshTokenTimer(info).accessToken
    assert own != theirs
    # A call goes to the application whose login gave its token; None is that of CLIENT_INFO.
    status = DeviceManagement().queryDeviceStatus(bed.meter.id, None, theirs)
    assert status.error_code == "100403"
    assert code(bed, None) is None
    Authentication().stopRefreshTokenTimer()
    assert code(bed, None) == "100220"
    Authentication().stopRefreshTokenTimer(info)


def test_a_platform_that_refuses_as_the_old_gateway_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform("--set", "north.gateway_exact=true")
    try:
        monkeypatch.setattr(Constant, "workPath", str(tmp_path))
        bed = Bed(platform, tmp_path)
        refused = DeviceManagement().queryDeviceStatus(bed.meter.id, None, "0" * 32)
        assert set(json.loads(refused)) <= {"resultcode", "resultmsg"}
        assert (refused.error_code, refused.status_code) == ("1010005", 403)
        Authentication().startRefreshTokenTimer()
        platform.cli("clock", "advance", "3h")
        assert code(bed, None) is None
    finally:
        platform.stop()
