"""What every test may ask for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

import downlink
from platform_bed import Device, Platform

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A server of the module's own, with the application `app`."""
    bed = Platform("--set", "north.private_callbacks=true")
    yield bed
    bed.stop()


@pytest.fixture
def meter(platform: Platform) -> Device:
    """A water meter of the test's own. It sleeps."""
    return platform.register(f"meter-{next(_numbers)}")


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[downlink.Client]:
    """The module's client, without retries."""
    with downlink.Client(platform.url, Platform.APP, platform.secret) as one:
        yield one


@pytest.fixture
def new_client(platform: Platform) -> Iterator[Callable[..., downlink.Client]]:
    """Makes clients of the application that the test configures itself."""
    made: list[downlink.Client] = []

    def make(**settings: object) -> downlink.Client:
        made.append(downlink.Client(platform.url, Platform.APP, platform.secret, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
