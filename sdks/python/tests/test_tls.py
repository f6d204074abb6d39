"""TLS to the real server: its own CA, a stranger's, and certificates of clients."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import downlink
from platform_bed import Platform


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority (`ca.pem`), and a certificate under it with its key (`client.pem`, `client.key`)."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    openssl("req", *key[:-2], "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=client")
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:client\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "client.ext", "-days", "2"]
    openssl("x509", "-req", "-in", "client.csr", *signing, "-out", "client.pem")
    return folder


@pytest.fixture(scope="module")
def tls(authority: Path) -> Iterator[Platform]:
    """A server that asks for certificates."""
    bed = Platform("--set", "north.client_certs=required", "--set", f"north.client_ca_file={authority / 'ca.pem'}", tls=True)
    yield bed
    bed.stop()


def test_certificates_are_shown_and_looked_at(tls: Platform, authority: Path) -> None:
    pair = (authority / "client.pem", authority / "client.key")
    for settings in ({"ca": tls.ca}, {"extra_ca": str(tls.ca)}, {"ca": tls.ca.read_bytes()}, {"ca": tls.ca.read_text()}):
        with downlink.Client(tls.url, Platform.APP, tls.secret, client_certificate=pair, **settings) as client:
            assert client.get_auth_token().access_token


def test_a_stranger_is_not_trusted(tls: Platform, authority: Path) -> None:
    pair = (authority / "client.pem", authority / "client.key")
    for ca in (None, authority / "ca.pem"):
        with downlink.Client(tls.url, Platform.APP, tls.secret, client_certificate=pair, ca=ca) as client:
            with pytest.raises(downlink.NotConnectedError, match="certificate") as failed:
                client.get_auth_token()
            assert failed.value.surely_harmless


def test_who_shows_no_certificate_is_refused(tls: Platform) -> None:
    with downlink.Client(tls.url, Platform.APP, tls.secret, ca=tls.ca) as client, pytest.raises(downlink.TransportError):
        client.get_auth_token()


def test_a_certificate_of_another_name_is_refused(tls: Platform, authority: Path) -> None:
    pair = (authority / "client.pem", authority / "client.key")
    url = tls.url.replace("localhost", "ip6-localhost")
    with downlink.Client(url, Platform.APP, tls.secret, ca=tls.ca, client_certificate=pair) as client:
        with pytest.raises(downlink.NotConnectedError):
            client.get_auth_token()


def test_a_key_that_is_none_is_refused_and_not_shown(tls: Platform, authority: Path) -> None:
    key = (authority / "client.key").read_text().replace("BEGIN PRIVATE", "BEGIN PUBLIC")
    with pytest.raises(downlink.SettingError, match="key") as refused:
        downlink.Client(tls.url, Platform.APP, tls.secret, client_certificate=(authority / "client.pem", key))
    assert key.splitlines()[1] not in str(refused.value)
