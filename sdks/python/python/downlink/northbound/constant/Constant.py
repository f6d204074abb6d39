"""Where the application's configuration lies."""

from __future__ import annotations

import configparser
import os
from typing import Optional

_SECTION = "CLIENT_INFO"


class Constant:
    """Reads the address of the platform and the application's credentials from `resources/application.ini` under `workPath`.

    The file has a section `CLIENT_INFO` with the keys `platformIp`, `platformPort`, `appId` and `secret`; further sections of the same
    form are read by name. One more key is read, `trustCAPath`: a file with the certificates of the authorities that may have
    signed the platform's own, in PEM, absolute or relative to `workPath`. Without it the machine's authorities are believed.

    `cert/client.crt` and `cert/client.key` under `workPath` are the application's own certificate and key, in PEM. They are shown to
    the platform if both are there.

    An application sets `Constant.workPath` once, before its first call. The environment variable `DOWNLINK_WORK_PATH` is its default,
    and where that is missing, the folder that the process was started in.
    """

    workPath: str = os.environ.get("DOWNLINK_WORK_PATH", os.curdir)
    """The folder of `resources/` and `cert/`."""
    connectTimeout: float = 10.0
    """Seconds until a connection must stand."""
    requestTimeout: float = 30.0
    """Seconds until an answer must be there; a direct call with `toType` `CLOUD` takes up to 20 (R4.2)."""
    retryPatience: float = 0.0
    """How many seconds the waits between tries of one call may take together, up to five tries; 0 tries once. Tried again is only what is
    sure to have had no effect, or goes under an idempotency key.
    """

    def readConfFile(self) -> tuple[str, str, str, str]:
        """`platformIp`, `platformPort`, `appId` and `secret` of section `CLIENT_INFO`.

        `FileNotFoundError` if there is no file; `configparser.Error` if it lacks the section or a key.
        """
        return self.readConfFileEx(_SECTION)

    def readConfFileEx(self, client_title: str) -> tuple[str, str, str, str]:
        """The same of another section, `client_title`."""
        section = self._section(client_title)
        return section["platformIp"], section["platformPort"], section["appId"], section["secret"]

    def clientInfo(self) -> dict[str, str]:
        """Section `CLIENT_INFO` as the dict that `Authentication.getAuthToken` takes. It holds the secret: do not log it."""
        return self.clientInfoEx(_SECTION)

    def clientInfoEx(self, client_title: str) -> dict[str, str]:
        """The same of another section, `client_title`. `trustCAPath` is in it if the section has one."""
        return self._section(client_title)

    def readCertificate(self) -> tuple[str, str]:
        """The paths of the application's own certificate and key. They need not exist."""
        return os.path.join(Constant.workPath, "cert/client.crt"), os.path.join(Constant.workPath, "cert/client.key")

    def _section(self, title: str) -> dict[str, str]:
        path = os.path.join(Constant.workPath, "resources/application.ini")
        # No interpolation: a secret may hold a percent sign.
        parser = configparser.ConfigParser(interpolation=None)
        with open(path, encoding="utf-8-sig") as file:
            parser.read_file(file)
        section = {key: parser.get(title, key) for key in ("platformIp", "platformPort", "appId", "secret")}
        authorities: Optional[str] = parser.get(title, "trustCAPath", fallback=None)
        if authorities:
            section["trustCAPath"] = os.path.join(Constant.workPath, authorities)
        return section
