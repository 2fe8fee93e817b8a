"""A stream in a file: what one server had, another one has."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.runtime.backup.stream_snapshots import restore_stream, save_stream
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from tests.support.records import a_record
from tests.support.servers import Server, nats_running


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with nats_running(tmp_path_factory.mktemp("empty")) as server:
        yield server


@pytest.fixture
async def elsewhere(empty_server: Server) -> AsyncIterator[JetStream]:
    """Another server, without our streams."""
    connection = Connection(empty_server.settings, "test")
    await connection.open()
    yield JetStream(connection.client)
    await connection.close()


async def test_a_stream_comes_back_as_it_was(
    bus: NatsBus, elsewhere: JetStream, tmp_path: Path
) -> None:
    record = a_record(prompt="a lighthouse keeper" * 1000)
    entry = await bus.events.append(EventEnvelope.of("accepted", record, now(), "test"), 0)

    copy = await save_stream(bus.jetstream, STREAM, tmp_path)
    await restore_stream(elsewhere, copy, tmp_path, copy.config)
    last = await JetStreamEventLog(elsewhere, "test").last(record.id)

    assert last == entry
    state = (await elsewhere.api(f"STREAM.INFO.{STREAM}"))["state"]
    assert (state["messages"], state["last_seq"]) == (
        copy.state["messages"],
        copy.state["last_seq"],
    )
    with pytest.raises(ApiError):  # it is there already
        await restore_stream(elsewhere, copy, tmp_path, copy.config)


async def test_a_server_may_take_longer_for_a_snapshot_than_for_other_calls(
    bus: NatsBus, elsewhere: JetStream, tmp_path: Path
) -> None:
    hasty, hasty_elsewhere = bus.jetstream.with_timeout(1e-6), elsewhere.with_timeout(1e-6)

    copy = await save_stream(hasty, "KV_lanes", tmp_path)
    await restore_stream(hasty_elsewhere, copy, tmp_path, copy.config)

    state = (await elsewhere.api("STREAM.INFO.KV_lanes"))["state"]
    assert state["messages"] == copy.state["messages"]


async def test_a_stream_that_is_not_there_cannot_be_saved(
    elsewhere: JetStream, tmp_path: Path
) -> None:
    with pytest.raises(ApiError, match="stream not found"):
        await save_stream(elsewhere, "NOWHERE", tmp_path)
