"""Provisioning: made once, the same from every process, and honest about what does not fit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from deploy.local.processes import ROOT, Process, nats_server
from heliograph.contracts.catalog import Lane
from heliograph.contracts.errors import Unavailable
from heliograph.operator.provisioning import NotProvisioned
from heliograph.operator.provisioning import provision as provision_deployment
from heliograph.runtime.bus import server_check
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import provision
from heliograph.runtime.bus.server_check import UnsupportedServer, check_server
from heliograph.runtime.settings import ServiceSettings
from tests.support.records import CATALOG, CURRENT_CATALOG
from tests.support.servers import Program, Server, free_port, nats_running


@asynccontextmanager
async def _connected(settings: ServiceSettings) -> AsyncIterator[Connection]:
    connection = Connection(settings, "test")
    await connection.open()
    yield connection
    await connection.close()


async def test_many_processes_provision_at_once_and_agree(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        buses = [NatsBus(server.settings, CURRENT_CATALOG, f"t{n}") for n in range(4)]

        await asyncio.gather(*(bus.open() for bus in buses))

        assert len({bus.epoch for bus in buses}) == 1
        for bus in buses:
            await bus.close()


async def test_until_all_is_there_a_bus_is_unavailable(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.client.connect(server.settings.nats_login)
        early = (bus.lanes.watch, bus.accounts.watch, partial(bus.jetstream.api, "STREAM.NAMES"))

        for call in early:
            with pytest.raises(Unavailable):
                await call()
        await bus.open()
        assert (await bus.jetstream.api("STREAM.NAMES"))["total"] > 0
        await bus.close()


async def test_the_epoch_is_the_same_after_a_restart_of_the_server(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        async with _connected(server.settings) as connection:
            before = await provision(connection.client, server.settings, CATALOG)
        server.kill()
        server.start()

        async with _connected(server.settings) as connection:
            assert await provision(connection.client, server.settings, CATALOG) == before


async def test_a_lane_gets_the_cap_that_the_catalog_says_now(bus: NatsBus, nats: Server) -> None:
    wider = CATALOG.model_copy(update={"lanes": {**CATALOG.lanes, "text": Lane(cap=9)}})

    await provision(bus.client, nats.settings, wider)
    info = await bus.jetstream.api("CONSUMER.INFO.WORK.lane-text")
    await provision(bus.client, nats.settings, CATALOG)

    assert info["config"]["max_ack_pending"] == 9


async def test_a_cap_that_changed_while_the_server_was_down_is_set(tmp_path: Path) -> None:
    """After a restart, a server answers the first change of a consumer with the old configuration."""
    wider = CATALOG.model_copy(update={"lanes": {**CATALOG.lanes, "text": Lane(cap=9)}})
    with nats_running(tmp_path) as server:
        async with _connected(server.settings) as connection:
            await provision(connection.client, server.settings, CATALOG)
        server.kill()
        server.start()

        async with _connected(server.settings) as connection:
            await provision(connection.client, server.settings, wider)
            jetstream = JetStream(connection.client)
            info = await jetstream.api("CONSUMER.INFO.WORK.lane-text")

    assert info["config"]["max_ack_pending"] == 9


async def test_a_stream_changed_by_hand_is_corrected(bus: NatsBus, nats: Server) -> None:
    config = (await bus.jetstream.api("STREAM.INFO.DEAD"))["config"]
    await bus.jetstream.api("STREAM.UPDATE.DEAD", {**config, "max_age": 0})

    await provision(bus.client, nats.settings, CATALOG)

    config = (await bus.jetstream.api("STREAM.INFO.DEAD"))["config"]
    assert config["max_age"] == 90 * 86_400 * 10**9


async def test_an_old_server_is_refused(
    bus: NatsBus, nats: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_check, "OLDEST_SERVER", (99, 0, 0))

    with pytest.raises(UnsupportedServer, match="too old"):
        await check_server(bus.client, nats.settings)


async def test_a_server_that_acknowledges_before_it_writes_is_refused(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, nats_port=free_port())
    shipped = (ROOT / "deploy" / "nats.conf").read_text()
    careless = tmp_path / "careless.conf"
    careless.write_text(shipped.replace("sync_interval: always", "sync_interval: 2m"))
    shipped_server = nats_server(settings)
    command = list(shipped_server.command)
    command[command.index("--config") + 1] = str(careless)
    server = Program(settings, Process("nats", command, shipped_server.environment))
    server.start()
    try:
        async with _connected(settings) as connection:
            with pytest.raises(UnsupportedServer, match="sync_interval: always"):
                await check_server(connection.client, settings)
    finally:
        server.kill()


async def test_provisioning_ends_in_time_when_nats_does_not_respond(tmp_path: Path) -> None:
    """Whoever waits for it, as Compose does, would wait for ever."""
    settings = ServiceSettings(home=tmp_path, nats_url=f"nats://127.0.0.1:{free_port()}")

    with pytest.raises(
        NotProvisioned, match=r"waiting for NATS at 127\.0\.0\.1:\d+ after 1 seconds"
    ):
        await provision_deployment(settings, timeout=1)


async def test_provisioning_ends_in_time_when_the_store_does_not_respond(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        store = {
            "s3_endpoint": f"http://127.0.0.1:{free_port()}",
            "s3_access_key": "a",
            "s3_secret_key": "b",
        }
        settings = server.settings.model_copy(
            update=ServiceSettings.model_validate(store).model_dump(include=set(store))
        )

        with pytest.raises(NotProvisioned, match="the store at http://"):
            await provision_deployment(settings, timeout=20)
