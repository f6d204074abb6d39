"""The real server, for tests: `downlink serve --test-clock` in a folder of its own, and the operator's commands."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

REPOSITORY = Path(__file__).resolve().parents[3]
PROFILES = REPOSITORY / "crates" / "profile" / "samples"
START_WITHIN = 60.0
"""Seconds until a server must listen; on a busy machine it is slow to start."""


def binary() -> str:
    """Where the server is: `DOWNLINK_BIN`, else the debug build. Fails loudly if it is not there."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    found = Path(os.environ.get("DOWNLINK_BIN", target / "debug" / "downlink"))
    if not found.is_file():
        raise RuntimeError(f"{found} is missing; build it: cargo build --locked -p downlink")
    return str(found)


@contextlib.contextmanager
def answering(status: str, body: bytes) -> Iterator[str]:
    """The address of somebody on loopback who gives one connection this answer, from another thread, and no other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + body)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@dataclass(frozen=True)
class Device:
    """A registered device."""

    id: str
    node_id: str
    secret: str


class Platform:
    """A server whose time stands still, with the application `app` and the water meter's profile."""

    APP = "app"

    def __init__(self, *flags: str, tls: bool = False, bare: bool = False):
        """`flags` go to `downlink serve`. With `bare` nothing is set up."""
        program = binary()
        self.folder = Path(tempfile.mkdtemp(prefix="downlink-python-"))
        plain = [] if tls else ["--plain-http"]
        arguments = ["serve", "--test-clock", "--free-ports", *plain, "--set", "mqtt.tls=false", "--log-level", "error"]
        # It ends with its standard input, and that with this process, even when that is killed.
        arguments += ["--until-stdin-closes", *flags]
        self._log = open(self.folder / "log", "wb")
        self._server = subprocess.Popen([program, *arguments, "--data", str(self.folder)], stdin=subprocess.PIPE, stderr=self._log)
        self.secret = ""
        self.webhook_secret = ""
        try:
            ports = self._ports()
            north, self.admin = ports["north"], ports["admin"]
            # The server's certificate names localhost.
            self.url = f"https://localhost:{north.rpartition(':')[2]}" if tls else f"http://{north}"
            if not bare:
                self.secret = self.cli("app", "create", "--id", self.APP, "--unthrottled")["secret"]
                self.cli("profile", "add", str(PROFILES / "water-meter.json"))
        except BaseException:
            self.stop()
            raise

    def _ports(self) -> dict[str, str]:
        ports, until = self.folder / "ports.json", time.monotonic() + START_WITHIN
        while not ports.exists():
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server does not listen:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        found: dict[str, str] = json.loads(ports.read_text())
        return found

    def cli(self, *arguments: str) -> Any:
        """Runs a command of the operator; returns what it printed as JSON."""
        text = self.cli_text(*arguments, "--json")
        return json.loads(text) if text.strip() else None

    def cli_text(self, *arguments: str) -> str:
        """Runs a command of the operator; returns what it printed."""
        command = [binary(), *arguments, "--data", str(self.folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"downlink {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def register(self, node_id: str, *flags: str, profile: Optional[str] = "Downlink/WM1") -> Device:
        """A device of the application, with the water meter's profile unless told otherwise."""
        with_profile = ["--profile", profile] if profile else []
        made = self.cli("device", "register", "--app", self.APP, "--node-id", node_id, *with_profile, *flags)
        return Device(made["deviceId"], node_id, made["secret"])

    def play(self, device: Device, *flags: str) -> None:
        """The device wakes, does what the flags say, and sleeps again."""
        self.cli_text("device", "play", device.node_id, "--secret", device.secret, *flags)

    @contextlib.contextmanager
    def awake(self, device: Device, *flags: str) -> Iterator[None]:
        """The device is awake meanwhile."""
        command = [binary(), "device", "play", device.node_id, "--secret", device.secret, *flags, "--data", str(self.folder)]
        script = ["--", "sh", "-c", "echo awake; exec cat"]
        player = subprocess.Popen([*command, *script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert player.stdin is not None and player.stdout is not None
        try:
            heard = player.stdout.readline()
            if heard != "awake\n":
                raise RuntimeError(f"the device does not wake: {heard}")
            yield
        finally:
            player.stdin.close()
            player.stdout.read()
            player.stdout.close()
            status = player.wait(timeout=60)
        if status != 0:
            raise RuntimeError(f"the device ended with {status}")

    def requests(self, operation: str) -> int:
        """How many answers of an operation the server has counted, with any status."""
        wanted = f'operation="{operation}"'
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        counted = (line for line in lines if line.startswith("downlink_http_answers_total{") and wanted in line)
        return sum(int(line.rpartition(" ")[2]) for line in counted)

    @property
    def ca(self) -> Path:
        """The certificate authority of a server with TLS."""
        return self.folder / "tls" / "ca.pem"

    def stop(self) -> None:
        """Ends the server and leaves nothing behind."""
        self._server.terminate()
        try:
            self._server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        if self._server.stdin is not None:
            self._server.stdin.close()
        self._log.close()
        shutil.rmtree(self.folder)
