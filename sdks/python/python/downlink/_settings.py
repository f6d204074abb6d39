"""The settings of a client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

from . import _native
from .errors import raised

Pem = Union[str, bytes, "os.PathLike[str]"]
"""PEM: its text, or the path of a file. A text is what has `-----BEGIN` in it."""


@dataclass(frozen=True)
class Retry:
    """When a client tries again, which it does only for what failed without harm and passes by itself.

    No connection, and the codes that say that nothing was done and that it passes (1010009, 100501, 190408): always. A lost answer: for what
    is the same when done twice, which are queries, changes of a device, and creates under an idempotency key. Every other code: never.
    """

    tries: int = 5
    """How often at most, the first time included."""
    first_wait: float = 0.2
    """Seconds; doubled each time. Between the half and the whole of it is waited, or as long as `Retry-After` says."""
    longest_wait: float = 5.0
    """Seconds, to which doubling leads."""
    patience: float = 75.0
    """Seconds, which all waits of a call together may take: a throttled minute is waited out."""


def native(base_url: str, app_id: str, secret: str, **settings: Any) -> _native.Client:
    """The core's client for these settings. Raises SettingError."""
    certificate: Optional[tuple[Pem, Pem]] = settings.pop("client_certificate")
    retry: Optional[Retry] = settings.pop("retry")
    ca: Optional[Pem] = settings.pop("ca")
    extra_ca: Optional[Pem] = settings.pop("extra_ca")
    try:
        return _native.Client(
            base_url,
            app_id,
            secret,
            ca_pem=_read(ca),
            extra_root_pem=_read(extra_ca),
            certificate_pem=_read(certificate[0]) if certificate else None,
            key_pem=(_read(certificate[1]) or b"").decode("ascii", "replace") if certificate else None,
            retry=(retry.tries, retry.first_wait, retry.longest_wait, retry.patience) if retry else None,
            **settings,
        )
    except _native.CallError as error:
        raise raised(error) from None


def _read(pem: Optional[Pem]) -> Optional[bytes]:
    if pem is None or isinstance(pem, bytes):
        return pem
    if isinstance(pem, str) and "-----BEGIN" in pem:
        return pem.encode()
    return Path(pem).read_bytes()
