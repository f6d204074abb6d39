"""How a method of a service becomes a call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Optional, TypeVar
from urllib.parse import quote, urlencode

from downlink import _native
from downlink.northbound import _endpoint, _timer
from downlink.northbound._answer import Answer
from downlink.northbound._endpoint import Endpoint
from downlink.northbound.client.NorthApiException import NorthApiException
from downlink.northbound.exceptions import (
    ConnectionError,
    ConnectTimeout,
    InvalidAnswer,
    ReadTimeout,
    RequestException,
    SSLError,
    raised,
)
from downlink.northbound.utils.DictUtil import DictUtil

A = TypeVar("A", bound=Answer)

INVALID_TOKEN = "1010005"


class Service:
    """The base of all services. They hold no state; a method may be called through the class with any object as `self`.

    :param raise_errors: whether a refusal is raised as `NorthApiException`. By default it is returned, as its JSON text.
    """

    raise_errors: bool = False

    def __init__(self, raise_errors: bool = False) -> None:
        self.raise_errors = raise_errors


def perform(
    service: object,
    operation: str,
    result: type[A],
    accessToken: Optional[str],
    variables: Mapping[str, Any] = {},
    query: Mapping[str, Any] = {},
    body: Any = None,
) -> A:
    """Carries out an operation of the contract for a service, and returns its text.

    :param accessToken: the token. None is the one that a refresh timer keeps; without a timer the call carries neither token nor `app_key`,
        and the platform refuses it with 100220.
    :param variables: path variables, by name, in the order of the path. They are percent-encoded.
    :param query: what is None is left out.
    :param body: a data object or a dict; None for an operation without one.
    """
    arguments = (
        [_variable(name, value) for name, value in variables.items()],
        encode_query(query),
        None if body is None else json.dumps(body, ensure_ascii=False),
    )
    if accessToken is not None:
        endpoint = _endpoint.issued(accessToken) or _endpoint.own()
        answer = call(endpoint, operation, result, arguments, str(accessToken))
    else:
        answer = _as_kept(operation, result, arguments)
    return checked(service, answer)


def call(
    endpoint: Endpoint,
    operation: str,
    result: type[A],
    arguments: tuple[Sequence[str], str, Optional[str]],
    token: Optional[str],
) -> A:
    """Sends a call and returns its text, a refusal's included. Raises what `exceptions` lists when there is no answer."""
    variables, query, body = arguments
    client = _endpoint.client(endpoint)
    try:
        _, text = client.call(operation, list(variables), query, body, token=False if token is None else token)
    except _native.CallError as error:
        if error.kind != "contract":
            raise _fault(error) from error
        refusal = result(error.body or json.dumps({"error_code": error.code, "error_desc": error.desc}))
        refusal.status_code = error.status
        return refusal
    return result(text)


def checked(service: object, answer: A) -> A:
    """The answer; a refusal is raised instead if the service wants that."""
    if not (isinstance(service, Service) and service.raise_errors) or answer.error_code is None:
        return answer
    raise NorthApiException(
        f"{answer.error_code} {answer.error_desc}",
        error_code=answer.error_code,
        error_desc=answer.error_desc,
        httpStatusCode=answer.status_code,
        httpMessage=str(answer),
    )


def members(dto: Any) -> dict[str, Any]:
    """The members of a data object, by their names on the wire. None has none."""
    return DictUtil.dto2dict(dto)


def encode_query(query: Mapping[str, Any]) -> str:
    """A query, percent-encoded, without what is None."""
    given = [(name, _text(value)) for name, value in query.items() if value is not None]
    return urlencode(given, quote_via=quote)


def _as_kept(operation: str, result: type[A], arguments: tuple[Sequence[str], str, Optional[str]]) -> A:
    """With the timer's token; once more with a new one if somebody else's login has ended it: 1010005 changes nothing."""
    endpoint = _endpoint.own()
    timer = _timer.running(endpoint)
    if timer is None:
        return call(endpoint, operation, result, arguments, None)
    token = timer.token()
    answer = call(endpoint, operation, result, arguments, token)
    if answer.error_code != INVALID_TOKEN:
        return answer
    return call(endpoint, operation, result, arguments, timer.instead_of(token))


def _variable(name: str, value: Any) -> str:
    if value is None:
        raise TypeError(f"{name} must be a text, not None")
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{name} must not be {text!r}")
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(value)


def _fault(error: _native.CallError) -> Exception:
    text = str(error)
    if error.kind == "setting":
        return ValueError(text)
    if error.kind == "unexpected":
        answer = raised(InvalidAnswer, text)
        assert isinstance(answer, InvalidAnswer)
        answer.status_code = error.status
        return answer
    return raised(_kind(error.kind, text.lower()), text)


def _kind(kind: str, text: str) -> type[RequestException]:
    if "certificate" in text or "tls" in text:
        return SSLError
    late = "timed out" in text or "timeout" in text or "deadline" in text
    if kind == "not_connected":
        return ConnectTimeout if late else ConnectionError
    return ReadTimeout if late else ConnectionError
