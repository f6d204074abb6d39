"""A platform, and an application that is configured as the vendor's SDK wants it."""

from __future__ import annotations

import json
from pathlib import Path

from platform_bed import Device, Platform

from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.constant.Constant import Constant


class Bed:
    """A platform, the folder that `Constant.workPath` names, and a meter."""

    def __init__(self, platform: Platform, work: Path) -> None:
        self.platform = platform
        self.work = work
        self.meter: Device = platform.register("meter-1")
        self.configure()

    def configure(self, **changes: str) -> None:
        """Writes section `CLIENT_INFO` for the application, with these changes."""
        self.section("CLIENT_INFO", {**self.info(), **changes}, "w")

    def section(self, title: str, info: dict[str, str], mode: str = "a") -> None:
        """Writes a section."""
        (self.work / "resources").mkdir(exist_ok=True)
        with open(self.work / "resources" / "application.ini", mode) as file:
            file.write("\n".join([f"[{title}]", *(f"{key} = {value}" for key, value in info.items()), ""]))

    def info(self) -> dict[str, str]:
        """The four keys, for the application `app`."""
        host, _, port = self.platform.url.rpartition(":")
        return {"platformIp": host, "platformPort": port, "appId": Platform.APP, "secret": self.platform.secret}

    def token(self) -> str:
        """A new token, as applications get theirs."""
        token = json.loads(Authentication().getAuthToken(Constant().clientInfo()))["accessToken"]
        assert isinstance(token, str)
        return token
