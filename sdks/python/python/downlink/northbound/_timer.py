"""Keeps a token valid, and says in the log when that fails."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from downlink.northbound._endpoint import Endpoint
    from downlink.northbound.client.dto.AuthOutDTO import AuthOutDTO

_log = logging.getLogger("downlink.northbound")

RETRY_FIRST = 1.0
"""Seconds until the first repetition of a renewal that failed. They double each time."""
RETRY_MAX = 60.0
"""The longest pause between repetitions, in seconds."""
_LIFE_DEFAULT = 3600
_PART = 0.8


class Timer:
    """Renews the token of one endpoint in a thread of its own, which ends with the process.

    It renews when four fifths of the token's life are over, with the refresh token: the old token stays valid for a while then, whereas a
    login ends it at once. Where the refresh is refused it logs in. Where that fails too it tries again, later each time, and never gives up.
    """

    def __init__(self, endpoint: Endpoint, first: AuthOutDTO, interval: Optional[float]) -> None:
        self.endpoint = endpoint
        self._interval = interval
        self._renewing = threading.Lock()
        self._stopped = threading.Event()
        self._token = ""
        self._refresh_token: Optional[str] = None
        self._pause = 0.0
        self.take(first)
        self._thread = threading.Thread(target=self._run, name="downlink-token", daemon=True)

    def start(self) -> None:
        """Begins to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; what is under way is not waited for."""
        self._stopped.set()

    def token(self) -> str:
        """The token in hand."""
        return self._token

    def instead_of(self, refused: str) -> str:
        """Another token than this one, which the platform has refused; that one still if there is no other to be had."""
        with self._renewing:
            if self._token == refused:
                self._renew()
        return self._token

    def _run(self) -> None:
        wait, failures = self._pause, 0
        while not self._stopped.wait(wait):
            with self._renewing:
                failure = self._renew()
            if failure is None:
                if failures:
                    _log.info("the token is renewed, after %d failures", failures)
                wait, failures = self._pause, 0
                continue
            wait = min(RETRY_FIRST * 2 ** min(failures, 16), RETRY_MAX)
            failures += 1
            _log.warning("the token could not be renewed (%s); tries again in %.0f s", failure, wait)

    def _renew(self) -> Optional[str]:
        """What went wrong, in words; None if nothing."""
        from downlink.northbound import _login

        try:
            answer = None
            if self._refresh_token is not None:
                answer = _login.refresh(self.endpoint, self._refresh_token)
            if answer is None or answer.error_code is not None:
                answer = _login.login(self.endpoint)
        except Exception as error:  # Whatever it is, the thread must live on.
            return str(error) or type(error).__name__
        if answer.error_code is not None:
            return f"{answer.error_code} {answer.error_desc}"
        self.take(answer)
        return None

    def take(self, answer: str) -> None:
        """Keeps what a login or a refresh brought."""
        said = json.loads(answer)
        self._token, self._refresh_token = said["accessToken"], said.get("refreshToken")
        life = said.get("expiresIn") or _LIFE_DEFAULT
        self._pause = self._interval if self._interval is not None else life * _PART


_lock = threading.Lock()
_timers: dict[tuple[str, str], Timer] = {}


def running(endpoint: Endpoint) -> Optional[Timer]:
    """The timer of this endpoint, if there is one."""
    with _lock:
        timer = _timers.get(endpoint.application)
    if timer is not None:
        # Its secret may have been replaced.
        timer.endpoint = endpoint
    return timer


def run(endpoint: Endpoint, first: AuthOutDTO, interval: Optional[float]) -> None:
    """Begins to keep a token valid. Nothing happens if another thread was faster."""
    timer = Timer(endpoint, first, interval)
    with _lock:
        if endpoint.application in _timers:
            return
        _timers[endpoint.application] = timer
    timer.start()


def end(endpoint: Endpoint) -> None:
    """Ends the timer of this endpoint, if there is one. Its token stays valid until it expires."""
    with _lock:
        timer = _timers.pop(endpoint.application, None)
    if timer is not None:
        timer.stop()
