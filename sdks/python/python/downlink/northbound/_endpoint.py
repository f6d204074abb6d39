"""Who calls whom: a platform's address, the application and its credentials, and the client that goes with them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

from downlink import _native
from downlink.northbound.constant.Constant import Constant

_CLIENTS_MAX = 64
_ISSUED_MAX = 1024


class Endpoint(NamedTuple):
    """An application at a platform. Equal ones share connections."""

    base_url: str
    app_id: str
    secret: str
    authorities: Optional[str]
    """The file with the certificates that are believed; None for the machine's."""

    @property
    def application(self) -> tuple[str, str]:
        """What stays when a secret or a certificate is replaced; those of one application share a timer."""
        return self.base_url, self.app_id

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.app_id!r})"


def own() -> Endpoint:
    """What section `CLIENT_INFO` says now."""
    return of(Constant().clientInfo())


def of(client_info: Any) -> Endpoint:
    """What a dict of `clientInfo`, or a `ClientInfo`, says. `KeyError` for a member that is missing, `ValueError` for one that is empty."""
    if not isinstance(client_info, Mapping):
        from downlink.northbound.utils.DictUtil import DictUtil

        client_info = DictUtil.dto2dict(client_info)
    values = {name: str(client_info[name] or "") for name in ("platformIp", "platformPort", "appId", "secret")}
    for name, value in values.items():
        if not value.strip():
            raise ValueError(f"{name} is empty")
    return Endpoint(
        base_url=base_url(values["platformIp"], values["platformPort"]),
        app_id=values["appId"],
        secret=values["secret"],
        authorities=client_info.get("trustCAPath") or None,
    )


def base_url(host: str, port: str) -> str:
    """`https://host:port`. A host that says `http://` itself is taken at its word: for tests, and where TLS ends elsewhere."""
    scheme, _, rest = host.rpartition("://")
    name = rest.rstrip("/")
    bracketed = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"{scheme or 'https'}://{bracketed}:{port.strip()}"


_lock = threading.Lock()
_clients: OrderedDict[tuple[Any, ...], _native.Client] = OrderedDict()
_issued: OrderedDict[str, Endpoint] = OrderedDict()


def client(endpoint: Endpoint) -> _native.Client:
    """The client that all calls of this endpoint share. `OSError` if one of its files cannot be read."""
    timeouts = (Constant.connectTimeout, Constant.requestTimeout, Constant.retryPatience)
    shown = certificate()
    used = (*filter(None, [endpoint.authorities]), *(shown or ()))
    files = tuple((path, os.stat(path).st_mtime_ns) for path in used)
    key = (endpoint, timeouts, files)
    with _lock:
        known = _clients.get(key)
        if known is None:
            known = _clients[key] = _connect(endpoint, shown)
            while len(_clients) > _CLIENTS_MAX:
                _clients.popitem(last=False)
        _clients.move_to_end(key)
        return known


def issued(token: str) -> Optional[Endpoint]:
    """The endpoint whose login gave this token, if this process asked for it."""
    with _lock:
        return _issued.get(token)


def remember(token: str, endpoint: Endpoint) -> None:
    """Notes whose token this is, so that calls with it go where it is valid."""
    with _lock:
        _issued[token] = endpoint
        _issued.move_to_end(token)
        while len(_issued) > _ISSUED_MAX:
            _issued.popitem(last=False)


def certificate() -> Optional[tuple[str, str]]:
    """The files of the application's own certificate and key, if both are there."""
    pair = Constant().readCertificate()
    return pair if all(map(os.path.isfile, pair)) else None


def _connect(endpoint: Endpoint, shown: Optional[tuple[str, str]]) -> _native.Client:
    settings: dict[str, Any] = {
        "connect_timeout": Constant.connectTimeout,
        "timeout": Constant.requestTimeout,
        # As `requests` did: the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
        "proxy": "environment",
    }
    if Constant.retryPatience > 0:
        settings["retry"] = (5, 0.2, 5.0, Constant.retryPatience)
    if endpoint.authorities is not None:
        settings["ca_pem"] = _read(endpoint.authorities)
    if shown is not None:
        settings["certificate_pem"] = _read(shown[0])
        settings["key_pem"] = _read(shown[1]).decode()
    return _native.Client(endpoint.base_url, endpoint.app_id, endpoint.secret, **settings)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
