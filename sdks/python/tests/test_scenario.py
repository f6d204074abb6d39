"""`sdks/scenarios/scenario.json`, which every client goes through, by `downlink.Client` and `downlink.AsyncClient`."""

from __future__ import annotations

import asyncio
import inspect
import json
import queue
import sys
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Optional
from urllib.parse import quote, urlencode

import pytest

import downlink
from downlink import types
from downlink.webhook import Receiver, Verifier
from platform_bed import REPOSITORY, Platform
from scenario import Json, Outcome, Refusal, Success, Wrong, compare, go_through

sys.path.insert(0, str(REPOSITORY / "sdks"))

from generate import model as models
from generate.model import Field, Operation
from generate.names import snake
from generate.python_modern import python_name

MODEL = models.load(REPOSITORY / "openapi.json")


class Modern:
    """A client of `downlink`, blocking or not, and its receiver."""

    def __init__(self, platform: Platform, secret: str, webhook_secret: str, asynchronous: bool):
        self.told: queue.Queue[Json] = queue.Queue()
        self.used: set[str] = set()
        verifier = Verifier(webhook_secret, tolerance=None)
        self._receiver = Receiver(verifier, lambda event: self.told.put(event.callback.to_json())).start()
        self.url = self._receiver.url
        self._loop = asyncio.new_event_loop()
        kind: Any = downlink.AsyncClient if asynchronous else downlink.Client
        self._client = kind(platform.url, "app", secret)

    def close(self) -> None:
        self._loop.close()
        self._receiver.close()

    def call(self, operation: str, arguments: Json, credentials: bool) -> Outcome:
        """By the operation's own method where that can say it."""
        try:
            given = self._typed(MODEL.operations[operation], arguments) if credentials else None
            if given is not None:
                self.used.add(operation)
                answer = self._do(getattr(self._client, snake(operation))(**given))
                return Success(None if answer is None else answer.to_json())
            reply = self._do(self._client.call(operation, **self._texts(MODEL.operations[operation], arguments, credentials)))
            return Success(reply.json(), reply.status)
        except downlink.ContractError as error:
            return Refusal(error.code, error.desc, error.status)

    def _do(self, answer: Any) -> Any:
        return self._loop.run_until_complete(answer) if isinstance(answer, Coroutine) else answer

    def _typed(self, operation: Operation, arguments: Json) -> Optional[Json]:
        """The method's arguments; None if it cannot say this."""
        arguments = dict(arguments)
        body = arguments.pop("body", None)
        if "accessToken" in arguments or (body is not None and not operation.authenticated):
            return None
        given: Json = {}
        if operation.body and operation.authenticated:
            kind: Any = getattr(types, operation.body)
            try:
                typed = kind.from_json(body)
            except ValueError:
                return None
            if typed.to_json() != body:
                return None
            given = {member.name: getattr(typed, member.name) for member in kind._MEMBERS}
        if "Idempotency-Key" in arguments:
            given["idempotency_key"] = arguments.pop("Idempotency-Key")
        for field in operation.path_params + operation.query_params:
            if field.wire in arguments:
                given[python_name(field.wire)] = _value(field, arguments.pop(field.wire))
        assert not arguments, f"unknown: {sorted(arguments)}"
        known = inspect.signature(getattr(self._client, snake(operation.id))).parameters
        # A body's constant is no argument: the method sets it, to no other value.
        constants = {name: value for name, value in given.items() if name not in known}
        if operation.body and any(getattr(types, operation.body).__dataclass_fields__[name].default != value for name, value in constants.items()):
            return None
        return {name: value for name, value in given.items() if name in known}

    def _texts(self, operation: Operation, arguments: Json, credentials: bool) -> Json:
        arguments = dict(arguments)
        given: Json = {"variables": [arguments.pop(field.wire) for field in operation.path_params]}
        if "body" in arguments:
            body = arguments.pop("body")
            form = operation.media == "application/x-www-form-urlencoded"
            given["body"] = urlencode(body) if form else json.dumps(body)
        if "accessToken" in arguments:
            given["access_token"] = arguments.pop("accessToken")
        elif not credentials or not operation.authenticated:
            given["access_token"] = False
        if "Idempotency-Key" in arguments:
            given["idempotency_key"] = arguments.pop("Idempotency-Key")
        given["query"] = urlencode(arguments, quote_via=quote)
        return given


def _value(field: Field, value: Any) -> Any:
    return datetime.strptime(f"{value}+0000", "%Y%m%dT%H%M%SZ%z") if field.time_format else value


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_the_scenario(asynchronous: bool) -> None:
    go_through(lambda platform, secret, webhook_secret: Modern(platform, secret, webhook_secret, asynchronous), set(MODEL.operations))


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, None),
        ({"a": {"$any": True}}, {"a": None}),
        ({"$matches": "[0-9]"}, "12"),
        ([1], [1, 2]),
        (True, 1),
        ("1", 1),
        (None, 0),
    ],
)
def test_what_is_not_as_expected_is_noticed(expected: Any, found: Any) -> None:
    with pytest.raises(Wrong):
        compare(expected, found, "it")
    compare({"a": [1, {"$any": True}, None]}, {"a": [1.0, "x", None], "b": 2}, "it")
