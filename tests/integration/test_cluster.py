"""A cluster of three NATS servers: what was acknowledged is read, whichever server answers."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.records import Record
from heliograph.contracts.subjects import event
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from tests.support.records import CURRENT_CATALOG, a_record
from tests.support.servers.cluster import Cluster, nats_cluster
from tests.support.timeouts import TIMEOUT

# nats-py leaves a connection open that a dying server did not finish (2.16, `_attempt_reconnect`)
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:loop is closed:ResourceWarning"),
]

WRITES = 400
WRITERS = 16


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with nats_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def bus(cluster: Cluster) -> AsyncIterator[NatsBus]:
    bus = NatsBus(cluster.settings, CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()
    gc.collect()  # what is left open is found here, and not in another test


async def append(bus: NatsBus, record: Record) -> int:
    """Written, however often the cluster has to choose a leader meanwhile."""
    accepted = EventEnvelope.of("accepted", record, now(), "test")
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return (await bus.events.append(accepted, 0)).sequence
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_each_server_has_a_copy_of_each_stream(bus: NatsBus) -> None:
    info = await bus.jetstream.api(f"STREAM.INFO.{STREAM}")

    assert info["config"]["num_replicas"] == 3
    assert len(info["cluster"]["replicas"]) == 2


async def test_an_acknowledged_event_is_read_at_once(bus: NatsBus) -> None:
    """A direct get after the acknowledgement misses some of them under such a load."""
    missed: list[str] = []

    async def write_and_read(number: int) -> None:
        for _ in range(WRITES // WRITERS):
            record = a_record()
            sequence = await append(bus, record)
            entry = await bus.events.last(record.id)
            subject = event(record.project, record.id)
            together = await bus.jetstream.read_lasts(STREAM, [subject])
            if entry is None or [entry.sequence, *(e.sequence for e in together)] != [sequence] * 2:
                missed.append(record.id)

    await asyncio.gather(*(write_and_read(number) for number in range(WRITERS)))

    assert missed == []


async def test_a_read_event_has_the_time_at_which_it_was_stored(bus: NatsBus) -> None:
    record = a_record()
    await append(bus, record)

    entry = await bus.events.last(record.id)

    assert entry
    assert entry.stored_at
    assert abs((entry.stored_at - now()).total_seconds()) < 60


async def test_an_unknown_job_is_not_there(bus: NatsBus) -> None:
    assert await bus.events.last(a_record().id) is None


async def test_what_was_acknowledged_survives_the_loss_of_any_one_server(
    bus: NatsBus, cluster: Cluster
) -> None:
    written: list[Record] = []

    for server in cluster.servers:
        server.kill()
        for _ in range(20):
            record = a_record()
            await append(bus, record)
            written.append(record)
        server.start()
        await _until_whole(bus)

    for record in written:
        assert await bus.events.last(record.id)
        with pytest.raises(Conflict):
            await bus.events.append(EventEnvelope.of("accepted", record, now(), "other"), 0)


async def _until_whole(bus: NatsBus) -> None:
    """Every copy is current again."""
    async with asyncio.timeout(TIMEOUT):
        while not await _is_whole(bus):
            await asyncio.sleep(0.1)


async def _is_whole(bus: NatsBus) -> bool:
    try:
        cluster = (await bus.jetstream.api(f"STREAM.INFO.{STREAM}"))["cluster"]
    except Unavailable:
        return False
    return bool(cluster.get("leader")) and all(each["current"] for each in cluster["replicas"])
