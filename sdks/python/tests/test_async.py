"""`downlink.AsyncClient`: the event loop runs while calls wait."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

import downlink
from downlink import Command, CommandStatus, ErrorCode, InvokeHeader
from platform_bed import Device, Platform

T = TypeVar("T")
SET_PERIOD = Command("WaterMeter", "SET_PERIOD", {"value": 12})


def with_client(platform: Platform, work: Callable[[downlink.AsyncClient], Awaitable[T]]) -> T:
    """Runs a coroutine with a client of its own."""

    async def run() -> T:
        async with downlink.AsyncClient(platform.url, Platform.APP, platform.secret) as client:
            return await work(client)

    return asyncio.run(run())


def test_a_command_lives_and_is_cancelled(platform: Platform, meter: Device) -> None:
    async def work(client: downlink.AsyncClient) -> None:
        command = await client.post_device_command(meter.id, SET_PERIOD)
        assert command.status is CommandStatus.PENDING
        assert (await client.update_device_command(command.command_id)).status is CommandStatus.CANCELED
        with pytest.raises(downlink.ContractError) as refused:
            await client.update_device_command(command.command_id)
        assert refused.value.code is ErrorCode.COMMAND_NOT_CANCELLABLE and refused.value.request_id
        ids = [one.command_id async for one in client.iter_query_device_command(device_id=meter.id, page_size=1)]
        assert ids == [command.command_id]
        assert (await client.call("queryDeviceStatus", [meter.id])).json()["deviceId"] == meter.id
        assert await client.access_token()
        with pytest.raises(downlink.ContractError) as refused:
            await client.for_owner("nobody").query_device_command()
        assert refused.value.code is ErrorCode.APP_UNKNOWN

    with_client(platform, work)


def test_many_calls_wait_at_once_and_log_in_once(platform: Platform, meter: Device) -> None:
    before = platform.requests("getAuthToken")

    async def work(client: downlink.AsyncClient) -> set[str]:
        calls = (client.post_device_command(meter.id, SET_PERIOD) for _ in range(20))
        return {command.command_id for command in await asyncio.gather(*calls)}

    assert len(with_client(platform, work)) == 20
    assert platform.requests("getAuthToken") == before + 1


def test_the_loop_runs_while_a_call_waits() -> None:
    """The answer comes from the very loop that the call waits in."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"error_code":"100208","error_desc":"no"}'
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, downlink.AsyncClient(f"http://127.0.0.1:{port}", "app", "secret", timeout=20) as client:
            with pytest.raises(downlink.ContractError) as refused:
                await client.get_auth_token()
        assert refused.value.code is ErrorCode.WRONG_SECRET

    asyncio.run(run())


def test_a_cancelled_call_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard: list[bytes] = []

        def listen() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                while True:
                    heard.append(connection.recv(65536))
                    if not heard[-1]:
                        return

        thread = threading.Thread(target=listen)
        thread.start()

        async def run() -> None:
            async with downlink.AsyncClient(f"http://127.0.0.1:{listener.getsockname()[1]}", "app", "secret") as client:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.query_device_status("x"), 0.3)
                # The connection is closed while the client lives on.
                await asyncio.get_running_loop().run_in_executor(None, thread.join, 20)
                assert heard[0].startswith(b"POST /iocm/app/sec") and heard[-1] == b""

        asyncio.run(run())


def test_a_client_serves_one_loop_after_the_other(platform: Platform, meter: Device) -> None:
    client = downlink.AsyncClient(platform.url, Platform.APP, platform.secret)
    for _ in range(2):
        assert asyncio.run(client.query_device_status(meter.id)).device_id == meter.id
    asyncio.run(client.aclose())
    with pytest.raises(downlink.SettingError, match="closed"):
        asyncio.run(client.query_device_status(meter.id))


def test_the_process_ends_while_calls_wait() -> None:
    """Calls in progress neither keep the process nor break it, blocking ones in threads included."""
    script = """
import asyncio, sys, threading, downlink
client = downlink.Client(sys.argv[1], "app", "secret")
threading.Thread(target=client.get_auth_token, daemon=True).start()
async def run():
    later = downlink.AsyncClient(sys.argv[1], "app", "secret")
    task = asyncio.ensure_future(later.get_auth_token())
    await asyncio.sleep(0.3)
    print("ends", task.done())
loop = asyncio.new_event_loop()
loop.run_until_complete(run())
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, timeout=25, check=False)
    assert (done.returncode, done.stdout) == (0, "ends False\n"), done.stderr
    assert "panicked" not in done.stderr, done.stderr


def test_a_direct_call_waits_for_its_device_while_others_go_on(platform: Platform, meter: Device) -> None:
    async def work(client: downlink.AsyncClient) -> None:
        header = InvokeHeader(mode=downlink.Mode.ACK, method="SET_PERIOD", to_type=downlink.ToType.CLOUD)
        called, status = await asyncio.gather(
            client.invoke_device_service(meter.id, "WaterMeter", header, body={"value": 12}),
            client.query_device_status(meter.id),
        )
        assert called.status is downlink.InvokeStatus.DELIVERED and status.activated

    with platform.awake(meter, "--commands", "1"):
        with_client(platform, work)
