"""Threads, signals and forks."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Optional

import pytest

import downlink
from downlink import Command, ErrorCode
from platform_bed import Device, Platform, answering

SET_PERIOD = Command("WaterMeter", "SET_PERIOD", {"value": 12})


def test_the_interpreter_is_free_while_a_call_waits() -> None:
    """The answer comes from another thread of this interpreter: were it not free, there would be none."""
    body = b'{"error_code":"100208","error_desc":"no"}'
    with answering("401 No", body) as url, downlink.Client(url, "app", "secret", timeout=20) as client:
        with pytest.raises(downlink.ContractError) as refused:
            client.get_auth_token()
    assert refused.value.code is ErrorCode.WRONG_SECRET


def test_threads_share_a_client_and_its_token(platform: Platform, meter: Device) -> None:
    before = platform.requests("getAuthToken")
    with downlink.Client(platform.url, Platform.APP, platform.secret) as client, ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: client.post_device_command(meter.id, SET_PERIOD).command_id, range(20)))
    assert len(set(made)) == 20
    assert platform.requests("getAuthToken") == before + 1


def test_a_signal_is_heard_while_a_call_waits() -> None:
    class Heard(Exception):
        pass

    def hear(number: int, frame: Optional[FrameType]) -> None:
        raise Heard

    before = signal.signal(signal.SIGALRM, hear)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with downlink.Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "app", "secret") as client:
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                began = time.monotonic()
                with pytest.raises(Heard):
                    client.get_auth_token()
                assert time.monotonic() - began < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_forked_child_goes_on_and_so_does_its_parent(platform: Platform, meter: Device) -> None:
    """The child makes connections of its own; in a process of its own, since pytest has threads."""
    script = """
import asyncio, os, sys, downlink
url, app, secret, device = sys.argv[1:]
client = downlink.Client(url, app, secret)
later = downlink.AsyncClient(url, app, secret)
client.query_device_status(device)
asyncio.run(later.query_device_status(device))
for round in range(2):
    child = os.fork()
    if not child:
        assert client.query_device_status(device).device_id == device
        assert asyncio.run(later.query_device_status(device)).device_id == device
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert client.query_device_status(device).device_id == device
    assert asyncio.run(later.query_device_status(device)).device_id == device
print("both go on")
"""
    command = [sys.executable, "-W", "ignore", "-c", script, platform.url, Platform.APP, platform.secret, meter.id]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "both go on\n"), done.stderr


def _status(url: str, secret: str, device: str) -> str:
    with downlink.Client(url, Platform.APP, secret) as client:
        return client.query_device_status(device).device_id


def test_processes_of_a_pool_have_clients_of_their_own(platform: Platform, meter: Device) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.starmap(_status, [(platform.url, platform.secret, meter.id)] * 4) == [meter.id] * 4
