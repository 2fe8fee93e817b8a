"""A feed brings every message of a stream, in order and once, whatever becomes of its consumers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from nats.aio.msg import Msg

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.ordered_consumer import OrderedConsumer
from heliograph.runtime.clock import now
from tests.support.records import a_record, some_project
from tests.support.timeouts import TIMEOUT


class Heard:
    """What a feed brought."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self._more = asyncio.Event()

    async def on_message(self, message: Msg) -> None:
        self.sequences.append(message.metadata.sequence.stream)
        self._more.set()

    async def until(self, sequence: int) -> list[int]:
        async with asyncio.timeout(TIMEOUT):
            while not self.sequences or self.sequences[-1] < sequence:
                self._more.clear()
                await self._more.wait()
        return self.sequences


@asynccontextmanager
async def _fed(bus: NatsBus, project: str, *, after: int = 0) -> AsyncIterator[Heard]:
    heard = Heard()
    subject = f"events.{project}.>"
    feed = OrderedConsumer(bus.jetstream, STREAM, subject, after=after, on_message=heard.on_message)
    async with run_in_background(feed=feed.run):
        yield heard


async def _write(bus: NatsBus, project: str, count: int) -> list[int]:
    """Events of that many jobs, in order."""
    written = []
    for _ in range(count):
        event = EventEnvelope.of("accepted", a_record(project=project), now(), "test")
        written.append((await bus.events.append(event, 0)).sequence)
    return written


async def _consumers(bus: NatsBus, project: str) -> list[str]:
    """Of the feed of a project."""
    listing = await bus.jetstream.api(f"CONSUMER.LIST.{STREAM}", {"offset": 0})
    every = listing["consumers"]
    return [c["name"] for c in every if c["config"].get("filter_subject") == f"events.{project}.>"]


async def test_existing_and_new_messages_arrive_in_order(bus: NatsBus) -> None:
    project = some_project()
    before = await _write(bus, project, 20)

    async with _fed(bus, project, after=before[4]) as heard:
        coming = await _write(bus, project, 20)
        sequences = await heard.until(coming[-1])

    assert sequences == [*before[5:], *coming]


async def test_a_consumer_that_is_gone_is_replaced_without_a_gap(bus: NatsBus) -> None:
    project = some_project()
    async with _fed(bus, project) as heard:
        first = await _write(bus, project, 3)
        await heard.until(first[-1])
        [name] = await _consumers(bus, project)

        await bus.jetstream.api(f"CONSUMER.DELETE.{STREAM}.{name}")
        missed = await _write(bus, project, 3)

        assert await heard.until(missed[-1]) == [*first, *missed]


async def test_a_lost_message_is_delivered_again(bus: NatsBus) -> None:
    project = some_project()
    async with _fed(bus, project) as heard:
        first = await _write(bus, project, 3)
        await heard.until(first[-1])
        [name] = await _consumers(bus, project)
        info = await bus.jetstream.api(f"CONSUMER.INFO.{STREAM}.{name}")

        # a heartbeat of a consumer that has pushed more than ever arrived
        inbox = info["config"]["deliver_subject"]
        headers = {"Status": "100", "Nats-Last-Consumer": "4"}
        await bus.client.publish(inbox, b"", headers=headers)
        coming = await _write(bus, project, 3)

        assert await heard.until(coming[-1]) == [*first, *coming]
        assert await _consumers(bus, project) != [name]


async def test_a_feed_that_ends_leaves_no_consumer_behind_for_long(bus: NatsBus) -> None:
    project = uuid4().hex
    async with _fed(bus, project):
        async with asyncio.timeout(TIMEOUT):
            while not (names := await _consumers(bus, project)):
                await asyncio.sleep(0.02)
        info = await bus.jetstream.api(f"CONSUMER.INFO.{STREAM}.{names[0]}")

    assert 0 < info["config"]["inactive_threshold"] <= 60 * 10**9
