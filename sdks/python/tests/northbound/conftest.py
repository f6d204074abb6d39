"""A platform for a module of tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from northbound.bed import Bed
from platform_bed import Platform

from downlink.northbound import _timer
from downlink.northbound.constant.Constant import Constant


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A platform without TLS, in which callbacks may go to loopback."""
    platform = Platform("--set", "north.private_callbacks=true")
    work = tmp_path_factory.mktemp("work")
    before = Constant.workPath, Constant.retryPatience
    Constant.workPath, Constant.retryPatience = str(work), 0.0
    try:
        yield Bed(platform, work)
    finally:
        Constant.workPath, Constant.retryPatience = before
        platform.stop()
        shutil.rmtree(work)


@pytest.fixture(autouse=True)
def no_timer_stays() -> Iterator[None]:
    """Timers of one test are none of the next."""
    yield
    while _timer._timers:
        _timer._timers.popitem()[1].stop()
