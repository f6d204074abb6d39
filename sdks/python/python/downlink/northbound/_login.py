"""Login and refresh, for services and timers alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from downlink.northbound import _endpoint, _timer
from downlink.northbound._answer import Answer
from downlink.northbound._calls import call
from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO
from downlink.northbound.client.dto.AuthRefreshOutDTO import AuthRefreshOutDTO

if TYPE_CHECKING:
    from downlink.northbound._endpoint import Endpoint

A = TypeVar("A", bound=Answer)


def login(endpoint: Endpoint) -> AuthOutDTO:
    """Logs in, which ends every earlier token of the application (R3.6)."""
    form = urlencode({"appId": endpoint.app_id, "secret": endpoint.secret})
    answer = call(endpoint, "getAuthToken", AuthOutDTO, ([], "", form), None)
    return noted(answer, endpoint)


def refresh(endpoint: Endpoint, refresh_token: str) -> AuthOutDTO:
    """Renews with a refresh token; the earlier token stays valid for 30 s (R3.6)."""
    body = {"appId": endpoint.app_id, "secret": endpoint.secret, "refreshToken": refresh_token}
    answer = call(endpoint, "refreshAuthToken", AuthRefreshOutDTO, ([], "", json.dumps(body)), None)
    plain = AuthOutDTO(str(answer))
    plain.status_code = answer.status_code
    return noted(plain, endpoint)


def noted(answer: A, endpoint: Endpoint) -> A:
    """The answer, once it is remembered whose token it gives. A timer of that endpoint keeps this token from now on: a login has ended
    the one that it kept.
    """
    token = getattr(answer, "accessToken", None)
    if isinstance(token, str):
        _endpoint.remember(token, endpoint)
        timer = _timer.running(endpoint)
        if timer is not None:
            timer.take(answer)
    return answer
