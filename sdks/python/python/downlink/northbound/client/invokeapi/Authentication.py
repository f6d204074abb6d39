"""Tokens: login, refresh, and the timer that keeps one valid."""

from __future__ import annotations

import json
from typing import Any, Optional

from downlink.northbound import _endpoint, _login, _timer
from downlink.northbound._answer import Answer
from downlink.northbound._calls import Service, call, checked, members
from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO
from downlink.northbound.client.dto.AuthRefreshInDTO import AuthRefreshInDTO
from downlink.northbound.client.dto.AuthRefreshOutDTO import AuthRefreshOutDTO


class Authentication(Service):
    """Tokens of an application."""

    def getAuthToken(self: object, clientInfo: Any) -> AuthOutDTO:
        """Logs in. Every earlier token of the application ends with it (R3.6), so let one process log in and share the token.

        :param clientInfo: the dict of `Constant().clientInfo()` or `clientInfoEx(title)`, or a `ClientInfo`: platformIp, platformPort, appId,
            secret, and perhaps trustCAPath. Calls with the token that comes of it go to this platform under this appId.
        :returns: the answer's text: accessToken (32 hexadecimal digits), refreshToken, expiresIn (seconds), tokenType, scope.

        Refusals: 100208 wrong secret, 102202 a member is missing, 100247 the application is frozen. [2.1]
        """
        return checked(self, _login.login(_endpoint.of(clientInfo)))

    def refreshAuthToken(self: object, arInDTO: AuthRefreshInDTO) -> AuthRefreshOutDTO:
        """Gives another token for a refresh token. The earlier token stays valid for 30 s (R3.6).

        :param arInDTO: appId, secret and refreshToken; a refresh token lives for 30 days.
        :returns: the answer's text, as that of a login.

        Refusals: 100208 wrong secret or appId, 100209 wrong refresh token. [2.2]
        """
        endpoint = _endpoint.own()
        body = json.dumps(members(arInDTO))
        answer = call(endpoint, "refreshAuthToken", AuthRefreshOutDTO, ([], "", body), None)
        return checked(self, _login.noted(answer, endpoint))

    def logoutAuthToken(self: object, accessToken: Optional[str]) -> Answer:
        """Ends a token.

        :param accessToken: the token; None is the one that the timer keeps, which is stopped first.
        :returns: an empty text. [2.3]
        """
        endpoint = (_endpoint.issued(accessToken) if accessToken else None) or _endpoint.own()
        timer = _timer.running(endpoint)
        if accessToken is None and timer is not None:
            _timer.end(endpoint)
            accessToken = timer.token()
        body = json.dumps({"accessToken": accessToken})
        return checked(self, call(endpoint, "logoutAuthToken", Answer, ([], "", body), None))

    def startRefreshTokenTimer(self: object, clientInfo: Any = None, interval: Optional[float] = None) -> AuthOutDTO:
        """Logs in, and keeps the token valid from then on: calls with accessToken None use it.

        It renews in a thread that ends with the process. A renewal that fails is repeated after 1 s, 2 s, 4 s and so on, up to a minute,
        until it succeeds; each failure is a warning of the logger `downlink.northbound`. While a timer runs, this changes nothing.

        :param clientInfo: as for `getAuthToken`; None is section `CLIENT_INFO`. A token is kept for each application apart; calls
            with accessToken None use that of section `CLIENT_INFO`.
        :param interval: seconds between renewals; None is four fifths of the token's life.
        :returns: the login's answer; with a refusal no timer runs. Without an answer this raises as every call, and no timer runs.
            An empty text if a timer runs already.
        """
        endpoint = _endpoint.own() if clientInfo is None else _endpoint.of(clientInfo)
        if _timer.running(endpoint) is not None:
            return AuthOutDTO()
        answer = _login.login(endpoint)
        if answer.error_code is None:
            _timer.run(endpoint, answer, interval)
        return checked(self, answer)

    def stopRefreshTokenTimer(self: object, clientInfo: Any = None) -> None:
        """Ends the timer; without one this does nothing. The token stays valid until it expires.

        :param clientInfo: whose timer; None is section `CLIENT_INFO`.
        """
        _timer.end(_endpoint.own() if clientInfo is None else _endpoint.of(clientInfo))
