"""The scenario of every client, through the vendor's classes."""

from __future__ import annotations

import importlib
import inspect
import json
import queue
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import scenario
from northbound.refusals import DOCUMENT
from platform_bed import Platform
from scenario import Outcome, Refusal, Success, go_through

from downlink.northbound._answer import Answer
from downlink.northbound.client.dto.AuthRefreshInDTO import AuthRefreshInDTO
from downlink.northbound.client.invokeapi.Authentication import Authentication
from downlink.northbound.client.invokeapi.PushMessageReceiver import PushMessageReceiver, ReceiverApp
from downlink.northbound.client.NorthApiClient import NorthApiClient
from downlink.northbound.constant.Constant import Constant
from downlink.northbound.utils.DictUtil import DictUtil

OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in json.loads(DOCUMENT.read_text())["paths"].items()
    for method, operation in methods.items()
    if "x-alias-of" not in operation
}


def held(value: Any) -> Any:
    """What the members of an answer say, by their names on the wire."""
    if isinstance(value, Answer):
        return {wire: held(getattr(value, name)) for name, wire in value._members.items()}
    if isinstance(value, list):
        return [held(one) for one in value]
    return DictUtil.dto2dict(value) if hasattr(value, "_members") else value


class Receiver(PushMessageReceiver):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()

    def _keep(self, body: Any) -> None:
        self.told.put(DictUtil.dto2dict(body))

    handleNBCommandStateChanged = _keep
    handleMessageConfirm = _keep
    handleCommandRsp = _keep


class Vendors:
    """The scenario's face: services, `Authentication` with its timer, and `PushMessageReceiver`."""

    def __init__(self, platform: Platform, secret: str, webhook_secret: str) -> None:
        self._work = tempfile.mkdtemp(prefix="downlink-northbound-")
        self._before = Constant.workPath, Constant.retryPatience
        Constant.workPath, Constant.retryPatience = self._work, 0.0
        host, _, port = platform.url.rpartition(":")
        info = {"platformIp": host, "platformPort": port, "appId": "app", "secret": secret}
        folder = Path(self._work, "resources")
        folder.mkdir()
        lines = ["[CLIENT_INFO]", *(f"{key} = {value}" for key, value in info.items()), ""]
        (folder / "application.ini").write_text("\n".join(lines))
        receiver = Receiver()
        self.told = receiver.told
        self.used: set[str] = set()
        self._refresh_token = ""
        app = ReceiverApp(receiver, [webhook_secret])
        app.tolerance = None
        self._running = app.start()
        # The vendor's paths are fixed; what the scenario adds goes to the query.
        self.url = f"{self._running.url}?of="

    def close(self) -> None:
        self._running.close()
        Constant.workPath, Constant.retryPatience = self._before
        shutil.rmtree(self._work)

    def call(self, operation: str, args: dict[str, Any], credentials: bool) -> Outcome:
        service = OPERATIONS[operation][2]["tags"][0]
        if not credentials or "Idempotency-Key" in args or not isinstance(args.get("body", {}), dict):
            return self._by_address(operation, args, not credentials)
        if service == "Authentication":
            return self._token(operation, args.get("body"))
        module = importlib.import_module(f"downlink.northbound.client.invokeapi.{service}")
        self.used.add(operation)
        return outcome(getattr(getattr(module, service)(), operation)(*arguments(getattr(module, service), operation, args)))

    def _token(self, operation: str, body: Any) -> Outcome:
        if operation == "getAuthToken" and body is not None and (set(body) != {"appId", "secret"} or body["appId"] != "app"):
            # A login with a member missing is no method's; and what the library itself logs in, it calls as.
            return self._by_address(operation, {"body": body}, True)
        self.used.add(operation)
        authentication = Authentication()
        if operation == "logoutAuthToken":
            return outcome(authentication.logoutAuthToken(body and body["accessToken"]))
        if operation == "refreshAuthToken":
            return self._refreshed(authentication, body)
        if body is not None:
            return outcome(authentication.getAuthToken({**Constant().clientInfo(), **body}))
        authentication.stopRefreshTokenTimer()
        answer = authentication.startRefreshTokenTimer()
        self._refresh_token = answer.refreshToken or ""
        return outcome(answer)

    def _refreshed(self, authentication: Authentication, body: Any) -> Outcome:
        dto = AuthRefreshInDTO()
        dto.appId, dto.secret = Constant().clientInfo()["appId"], Constant().clientInfo()["secret"]
        dto.refreshToken = self._refresh_token
        for name, value in (body or {}).items():
            setattr(dto, name, value)
        return outcome(authentication.refreshAuthToken(dto))

    @staticmethod
    def _by_address(operation: str, args: dict[str, Any], anonymous: bool) -> Outcome:
        """By `NorthApiClient`, which shows no status."""
        method, path, document = OPERATIONS[operation]
        target = re.sub(r"\{(\w+)\}", lambda found: quote(str(args[found[1]]), safe=""), path)
        names = [one["name"] for one in document.get("parameters", []) if one["in"] == "query"]
        target += "?" + urlencode({name: args[name] for name in names if name in args})
        info = Constant().clientInfo()
        headers = {"Content-Type": "application/json"}
        if not anonymous:
            # The timer has it; here the application asks for one of its own, which the timer then keeps.
            token = args.get("accessToken") or Authentication().getAuthToken(info).accessToken
            headers.update({"app_key": info["appId"], "Authorization": f"Bearer {token}"})
        if "Idempotency-Key" in args:
            headers["Idempotency-Key"] = args["Idempotency-Key"]
        url = f"{info['platformIp']}:{info['platformPort']}{target}"
        text = NorthApiClient.invokeAPI2(method, url, headers, json.dumps(args["body"]))
        said = json.loads(text)
        if isinstance(said, dict) and "error_code" in said:
            return Refusal(said["error_code"], said["error_desc"], None)
        return Success(said)


def outcome(answer: Answer) -> Outcome:
    """How a method's call ended."""
    if answer.error_code is not None:
        return Refusal(answer.error_code, str(answer.error_desc), answer.status_code)
    body = held(answer) if answer else None
    if body is not None:
        # The members say what the text says.
        text = json.loads(answer)
        assert {name for name, value in body.items() if value is not None} <= set(text)
    return Success(body)


def arguments(service: type, operation: str, args: dict[str, Any]) -> list[Any]:
    """The arguments of a documented method, in its order. Bodies and queries are the data object that its signature names."""
    parameters = list(inspect.signature(getattr(service, operation)).parameters.values())[1:]
    left = dict(args)
    made: dict[str, Any] = {}
    for one in parameters:
        if not re.search(r"\w+DTO", str(one.annotation)):
            made[one.name] = left.pop(one.name, None)
    for one in parameters:
        if one.name not in made:
            body = left.pop("body", {})
            made[one.name] = data_object(str(one.annotation), {**body, **left})
            left.clear()
    assert not left, f"{operation} takes no {sorted(left)}"
    return [made[one.name] for one in parameters]


def data_object(annotation: str, members: dict[str, Any]) -> Any:
    """The data object of a parameter, filled by its accessors. What it has no accessor for becomes an attribute."""
    found = re.search(r"\w+DTO\w*", annotation)
    assert found is not None
    name = found[0]
    dto = getattr(importlib.import_module(f"downlink.northbound.client.dto.{name}"), name)()
    for wire, value in members.items():
        setter = getattr(dto, f"set{wire[0].upper()}{wire[1:]}", None)
        if setter is not None:
            setter(value)
        else:
            setattr(dto, wire, value)
    return dto


def test_the_scenario() -> None:
    go_through(Vendors, set(OPERATIONS))


def test_an_expectation_that_is_turned_round_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turned = json.loads(scenario.FILE.read_text())
    step = next(one for one in turned["steps"] if one.get("expect", {}).get("code") == "100403")
    step["expect"]["code"] = "100418"
    (tmp_path / "turned.json").write_text(json.dumps(turned))
    monkeypatch.setattr(scenario, "FILE", tmp_path / "turned.json")
    with pytest.raises(AssertionError, match=r"step \d+ .*100403"):
        go_through(Vendors, set(OPERATIONS))
