"""The last event is found at the end of the log, however many jobs there are."""

from pathlib import Path

from nats.aio.msg import Msg

from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from tests.support.records import CURRENT_CATALOG, a_record
from tests.support.servers.programs import nats_program

#: the server compares all subjects for it: 13 ms of its processor time with 100,000 jobs
COMPARES_ALL = b'{"last_by_subj": "events.>"}'


async def add_budget_records(bus: NatsBus, project: str, count: int) -> None:
    for _ in range(count):
        await bus.jetstream.publish(f"money.{project}", b"{}", {})


async def test_the_last_event_is_found_without_comparing_all_subjects(
    bus: NatsBus, project: str
) -> None:
    queries: list[bytes] = []

    async def hear(message: Msg) -> None:
        queries.append(message.data)

    await bus.client.subscribe(f"$JS.API.DIRECT.GET.{STREAM}", cb=hear)
    entry = await append_event(bus.events, "accepted", a_record(project=project), 0)
    await add_budget_records(bus, project, 2)
    head = await bus.events.head()
    await bus.client.flush()

    assert head >= entry.sequence
    assert queries
    assert COMPARES_ALL not in queries


async def test_the_last_event_is_found_before_any_number_of_budget_records(
    bus: NatsBus, project: str
) -> None:
    entry = await append_event(bus.events, "accepted", a_record(project=project), 0)
    await add_budget_records(bus, project, 30)
    head = await bus.events.head()
    stored = await bus.jetstream.at(STREAM, head)

    assert head >= entry.sequence
    assert stored
    assert stored.subject.startswith("events.")


async def test_an_empty_log_has_no_last_event(tmp_path: Path) -> None:
    with nats_program(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "tests")
        await bus.open()

        assert await bus.events.head() == 0

        await bus.close()
