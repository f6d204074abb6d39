"""Calls by address, for what no service has."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Optional, Union
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from downlink.northbound import _endpoint
from downlink.northbound._endpoint import Endpoint
from downlink.northbound.constant.Constant import Constant
from downlink.northbound.exceptions import ConnectionError, ConnectTimeout, ReadTimeout, SSLError, raised

_ANSWER_BYTES_MAX = 64 * 1024 * 1024


class NorthApiClient:
    """Sends requests to addresses. Both methods are called on the class. Nothing is repeated, and redirects are not followed."""

    @staticmethod
    def invokeAPI(httpMethod: str, authUrl: str, payload: Any, accessToken: Optional[str]) -> str:
        """Sends a request to the platform of section `CLIENT_INFO`, or of the login that gave the token, and returns the answer's text.

        :param httpMethod: `GET`, `POST`, `PUT` or `DELETE`.
        :param authUrl: path and query, such as `RestConstant.POST_DEVICE_COMMAND`; sent as it is.
        :param payload: the body's text; for `GET`, a dict of query parameters. None for none.
        :param accessToken: the token; None sends neither token nor `app_key`.

        Errors of the contract come back as their text. Raises what `downlink.northbound.exceptions` lists when there is no answer.
        """
        endpoint = (_endpoint.issued(accessToken) if accessToken else None) or _endpoint.own()
        headers = {"Content-Type": "application/json"}
        if accessToken is not None:
            headers.update({"app_key": endpoint.app_id, "Authorization": f"Bearer {accessToken}"})
        if httpMethod == "GET" and payload:
            separator = "&" if "?" in authUrl else "?"
            authUrl, payload = authUrl + separator + _form(payload), None
        return _send(endpoint, httpMethod, endpoint.base_url + authUrl, headers, payload)

    @staticmethod
    def invokeAPI2(httpMethod: str, url: str, headers: Mapping[str, str], payload: Any) -> str:
        """Sends a request to an address, and returns the answer's text. Certificates are those of section `CLIENT_INFO`.

        :param url: the whole address.
        :param headers: sent as they are.
        :param payload: the body: a text, or a dict that is sent as a form.
        """
        return _send(_endpoint.own(), httpMethod, url, headers, payload)


def _form(payload: Any) -> str:
    return payload if isinstance(payload, str) else urlencode({key: value for key, value in payload.items() if value is not None})


def _send(endpoint: Endpoint, method: str, url: str, headers: Mapping[str, str], payload: Any) -> str:
    body: Union[bytes, None] = None
    if payload is not None:
        body = payload if isinstance(payload, bytes) else _form(payload).encode()
    connection, target = _opened(endpoint, url)
    try:
        _connect(connection)
        return _exchange(connection, method, target, headers, body)
    finally:
        connection.close()


def _opened(endpoint: Endpoint, url: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection that is not made yet, and what to ask for on it. Proxies are those of the environment."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or (80 if address.scheme == "http" else 443)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    proxy = None if proxy_bypass(address.netloc.rpartition("@")[2]) else getproxies().get(address.scheme)
    through = urlsplit(proxy) if proxy else None
    first = (host, port) if through is None else (through.hostname or "", through.port or 80)
    if address.scheme == "http":
        connection = http.client.HTTPConnection(*first, timeout=Constant.connectTimeout)
        return connection, target if through is None else url
    if address.scheme != "https":
        raise ValueError(f"an address begins with https://, not with {address.scheme}://")
    secure = http.client.HTTPSConnection(*first, timeout=Constant.connectTimeout, context=_trust(endpoint))
    if through is not None:
        secure.set_tunnel(host, port)
    return secure, target


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.authorities)
    shown = _endpoint.certificate()
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


def _connect(connection: http.client.HTTPConnection) -> None:
    try:
        connection.connect()
    except (TimeoutError, socket.timeout) as error:
        raise raised(ConnectTimeout, "no connection in time") from error
    except ssl.SSLError as error:
        raise raised(SSLError, str(error)) from error
    except OSError as error:
        raise raised(ConnectionError, str(error)) from error


def _exchange(
    connection: http.client.HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: Optional[bytes]
) -> str:
    connection.sock.settimeout(Constant.requestTimeout)
    try:
        connection.request(method, target, body=body, headers=dict(headers))
        answer = connection.getresponse().read(_ANSWER_BYTES_MAX + 1)
    except (TimeoutError, socket.timeout) as error:
        raise raised(ReadTimeout, "no answer in time") from error
    except ssl.SSLError as error:
        raise raised(SSLError, str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise raised(ConnectionError, str(error) or type(error).__name__) from error
    if len(answer) > _ANSWER_BYTES_MAX:
        raise raised(ConnectionError, "the answer is larger than any answer of the contract")
    return answer.decode("utf-8", "replace")
