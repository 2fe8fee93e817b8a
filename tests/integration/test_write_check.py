"""A process is ready only while the server stores what it is given."""

import asyncio
from pathlib import Path

import pytest

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.write_check import WriteCheck
from tests.support.records import CURRENT_CATALOG
from tests.support.servers import nats_running
from tests.support.timeouts import TIMEOUT


async def _becomes(bus: NatsBus, ready: bool) -> str:
    """What readiness says once it is so."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            reason = ""
            try:
                await bus.check()
            except Unavailable as error:
                reason = str(error)
            if (not reason) == ready:
                return reason
            await asyncio.sleep(0.1)


async def test_a_server_that_answers_and_stores_nothing_is_not_ready(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        async with run_in_background(writes=bus.watch_writes):
            await _becomes(bus, ready=True)
            config = (await bus.jetstream.api("STREAM.INFO.KV_leases"))["config"]

            await bus.jetstream.api("STREAM.UPDATE.KV_leases", {**config, "max_msg_size": 1})
            reason = await _becomes(bus, ready=False)
            await bus.jetstream.api("STREAM.UPDATE.KV_leases", config)
            await _becomes(bus, ready=True)
        await bus.close()

    assert "NATS does not store" in reason


async def test_many_processes_leave_few_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        for pid in range(200):
            monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
            check = WriteCheck(bus.jetstream, "test")
            assert await check.write() is None
        info = await bus.jetstream.api("STREAM.INFO.KV_leases")
        await bus.close()

    assert info["state"]["messages"] <= 64
