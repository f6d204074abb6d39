"""What goes through `sdks/scenarios/scenario.json`, whatever face of the client makes its calls; the file's README says what each member means."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional, Protocol, Union

from platform_bed import PROFILES, REPOSITORY, Platform, binary

FILE = REPOSITORY / "sdks" / "scenarios" / "scenario.json"
TOLD_WITHIN = 30.0
"""Seconds until a callback must have come."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Success:
    """How a call ended."""

    body: Any
    """JSON; None if there is none."""
    status: Optional[int] = None
    """None: this face does not show it."""


@dataclass(frozen=True)
class Refusal:
    """How a call ended."""

    code: str
    desc: str
    status: Optional[int]
    """None: this face does not show it."""


Outcome = Union[Success, Refusal]


class Face(Protocol):
    """A client and a receiver of callbacks."""

    url: str
    """Of the receiver, without a slash at its end."""
    told: queue.Queue[Json]
    """Callbacks, as the face's types hold them."""
    used: set[str]
    """Operations that went through their own methods."""

    def call(self, operation: str, arguments: Json, credentials: bool) -> Outcome:
        """Makes a call."""

    def close(self) -> None:
        """Ends client and receiver."""


class Wrong(Exception):
    """A step that is not as it should be."""


def go_through(make: Callable[[Platform, str, str], Face], operations: set[str]) -> None:
    """Goes through the whole file. `make` is given the server, the application's secret and its webhook secret."""
    scenario = json.loads(FILE.read_text())
    assert scenario.keys() == {"server", "setup", "steps"}
    platform = Platform(*scenario["server"], bare=True)
    with contextlib.ExitStack() as stack:
        stack.callback(platform.stop)
        stage = Stage(platform)
        stack.callback(stage.end)
        for step in scenario["setup"]:
            assert "cli" in step, step
            stage.act(step)
        face = make(platform, stage.variables["secret"], stage.variables["webhookSecret"])
        stack.callback(face.close)
        stage.take(face)
        done = 0
        for number, step in enumerate(scenario["steps"], 1):
            try:
                stage.act(step)
            except Exception as error:
                raise AssertionError(f"step {number} ({step.get('note', '')}): {error}\n{json.dumps(step)}") from error
            done += 1
        assert done == len(scenario["steps"]) > 0
        stage.nothing_is_left()
        assert face.used == operations, "each operation goes through its own method"


class Stage:
    """Where the steps are done."""

    MEMBERS = {
        "cli": {"save"},
        "awake": {"as"},
        "asleep": {"exit"},
        "call": {"args", "credentials", "repeat", "expect", "save"},
        "callbacks": {"expect"},
    }

    def __init__(self, platform: Platform):
        self.platform = platform
        self.variables: Json = {"profiles": str(PROFILES)}
        self.face: Optional[Face] = None
        self._players: dict[str, subprocess.Popen[str]] = {}
        self._inbox: dict[str, list[Json]] = {}

    def take(self, face: Face) -> None:
        """From now on there is a client."""
        self.face = face
        self.variables["receiver"] = face.url

    def act(self, step: Json) -> None:
        """Does a step."""
        kinds = self.MEMBERS.keys() & step.keys()
        if len(kinds) != 1:
            raise Wrong("it is of no kind, or of several")
        (kind,) = kinds
        unknown = step.keys() - self.MEMBERS[kind] - {kind, "note"}
        if unknown:
            raise Wrong(f"unknown: {sorted(unknown)}")
        getattr(self, f"_{kind}")({name: self._filled(value) for name, value in step.items() if name not in ("save", "note")}, step.get("save", {}))

    def nothing_is_left(self) -> None:
        """Nothing was told beyond what was expected."""
        self._sort()
        left = {name: told for name, told in self._inbox.items() if told}
        assert not left, f"told and not expected: {left}"

    def end(self) -> None:
        """Ends what a failed run has left."""
        for player in self._players.values():
            player.kill()
            player.communicate()

    def _cli(self, step: Json, save: Json) -> None:
        self._save(save, self.platform.cli(*step["cli"]))

    def _awake(self, step: Json, save: Json) -> None:
        command = [binary(), "device", "play", *step["awake"], "--data", str(self.platform.folder), "--", "sh", "-c", "echo awake; exec cat"]
        player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._players[step["as"]] = player
        assert player.stdout is not None
        if player.stdout.readline() != "awake\n":
            raise Wrong("the device does not wake")

    def _asleep(self, step: Json, save: Json) -> None:
        player = self._players.pop(step["asleep"])
        if "exit" in step:
            # It ends by itself: the platform has ended its connection.
            player.wait(timeout=60)
        player.communicate(timeout=60)
        if player.returncode != step.get("exit", 0):
            raise Wrong(f"the device ended with {player.returncode}")

    def _call(self, step: Json, save: Json) -> None:
        assert self.face is not None
        arguments = {name: value for name, value in step.get("args", {}).items() if value is not None}
        if step.get("credentials", "none") != "none":
            raise Wrong("credentials are `none` or not named")
        for _ in range(step.get("repeat", 1)):
            outcome = self.face.call(step["call"], arguments, "credentials" not in step)
            self._judge(step["expect"], outcome)
            if save:
                assert isinstance(outcome, Success)
                self._save(save, outcome.body)

    def _judge(self, expected: Json, outcome: Outcome) -> None:
        if "code" in expected:
            known, shown = {"code", "desc", "status"}, vars(outcome)
            if isinstance(outcome, Success):
                raise Wrong(f"it succeeds: {outcome.body}")
        else:
            known, shown = {"status", "body"}, vars(outcome)
            if isinstance(outcome, Refusal):
                raise Wrong(f"it is refused: {outcome}")
        if outcome.status is None:
            expected = {name: value for name, value in expected.items() if name != "status"}
        if expected.keys() - known:
            raise Wrong(f"unknown: {sorted(expected.keys() - known)}")
        for name, value in expected.items():
            compare(value, shown[name], name)

    def _callbacks(self, step: Json, save: Json) -> None:
        mark, expected = step["callbacks"], step["expect"]
        until = time.monotonic() + TOLD_WITHIN
        while len(self._inbox.get(mark, ())) < len(expected):
            try:
                self._sort(until - time.monotonic())
            except queue.Empty:
                raise Wrong(f"told no more than {self._inbox.get(mark)}") from None
        told, self._inbox[mark] = self._inbox[mark][: len(expected)], self._inbox[mark][len(expected) :]
        compare(expected, told, "callbacks")

    def _sort(self, wait: Optional[float] = None) -> None:
        """Takes what has come; waits for one, if it is to."""
        assert self.face is not None
        while True:
            try:
                body = self.face.told.get(wait is not None, max(wait or 0.0, 0.0))
            except queue.Empty:
                if wait is None:
                    return
                raise
            mark = body["commandId"] if "commandId" in body else body["header"]["requestId"]
            self._inbox.setdefault(mark, []).append(body)
            if wait is not None:
                return

    def _save(self, save: Json, answer: Any) -> None:
        for name, path in save.items():
            found, (root, *parts) = answer, path.split(".")
            assert root == "$", path
            for part in parts:
                found = found[int(part)] if part.isdigit() else found.get(part)
            if found is None:
                raise Wrong(f"{path} is not there")
            self.variables[name] = found

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"$times", "of"}:
                return str(self._filled(value["of"])) * int(value["$times"])
            return {name: self._filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        if whole:
            return self._variable(whole[1])
        return re.sub(r"\$\{(\w+)\}", lambda match: str(self._variable(match[1])), value)

    def _variable(self, name: str) -> Any:
        if name not in self.variables:
            raise Wrong(f"there is no variable {name}")
        return self.variables[name]


def compare(expected: Any, found: Any, where: str) -> None:
    """Holds an answer against what is expected of it."""
    if isinstance(expected, dict) and expected.keys() == {"$any"}:
        if found is None:
            raise Wrong(f"{where} is not there")
    elif isinstance(expected, dict) and expected.keys() == {"$matches"}:
        if not isinstance(found, str) or re.fullmatch(expected["$matches"], found) is None:
            raise Wrong(f"{where}: {found!r} does not match {expected['$matches']}")
    elif isinstance(expected, dict):
        if not isinstance(found, dict):
            raise Wrong(f"{where}: {found!r} is no object")
        for name, value in expected.items():
            compare(value, found.get(name), f"{where}.{name}")
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            raise Wrong(f"{where}: {found!r} is no list of {len(expected)}")
        for number, (one, other) in enumerate(zip(expected, found)):
            compare(one, other, f"{where}.{number}")
    elif expected != found or isinstance(expected, bool) is not isinstance(found, bool):
        raise Wrong(f"{where}: {found!r}, not {expected!r}")


