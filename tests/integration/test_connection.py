"""A connection survives its server, whatever is done with it meanwhile."""

import asyncio
from pathlib import Path

import pytest

from heliograph.runtime.bus.connection import Connection
from tests.support.servers import nats_running
from tests.support.timeouts import TIMEOUT


async def test_to_open_it_while_it_comes_back_leaves_one_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with nats_running(tmp_path) as server:
        connection = Connection(server.settings, "test")
        await connection.open()
        server.kill()
        async with asyncio.timeout(TIMEOUT):
            while not connection.client.is_reconnecting:
                await asyncio.sleep(0.01)

        again = [asyncio.create_task(connection.open()) for _ in range(3)]
        server.start()
        await asyncio.gather(*again)
        async with asyncio.timeout(TIMEOUT):
            while not connection.client.is_connected:
                await asyncio.sleep(0.01)
        for _ in range(10):
            await connection.client.flush()
        await connection.close()

    assert "read() called" not in caplog.text


async def test_a_connection_knows_since_when_it_is_there(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        connection = Connection(server.settings, "test")
        assert connection.connected_at is None
        await connection.open()
        first = connection.connected_at

        server.kill()
        async with asyncio.timeout(TIMEOUT):
            while connection.connected_at is not None:
                await asyncio.sleep(0.01)
        server.start()
        async with asyncio.timeout(TIMEOUT):
            while connection.connected_at is None:
                await asyncio.sleep(0.01)
        second = connection.connected_at
        await connection.close()

    assert first is not None
    assert second > first
