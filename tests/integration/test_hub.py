"""The hub of a status process shows an event once, to everybody who waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from heliograph.contracts.events import Event
from heliograph.contracts.facts import Canceled
from heliograph.contracts.live import Cursor, Subscribe
from heliograph.contracts.names import asset_id
from heliograph.contracts.queries import SignedObjects
from heliograph.contracts.records import Asset, Record
from heliograph.contracts.subjects import QUERY_SIGN
from heliograph.runtime.bus import Entry, advance, now
from heliograph.runtime.bus.jetstream import Stored
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.presenting import Addresses, Presenter
from heliograph.runtime.tasks import running
from services.status.hub import Frame, Hub
from services.status.ledgers.sql import SqlLedger
from services.status.outbox import Outbox
from services.status.settings import StatusSettings
from services.status.subscribing import Subscription
from tests.support.records import a_record, some_project

ONE_EVENT, MANY_EVENTS = 1, 1_000_000  #: bytes that make a ring keep so much


@asynccontextmanager
async def _hub(bus: NatsBus, *, ring_bytes: int = MANY_EVENTS) -> AsyncIterator[Hub]:
    presenter = Presenter(StatusSettings(), Addresses(bus.jetstream, patience=2))
    hub = Hub(bus, presenter, ring_bytes=ring_bytes)
    async with running(hub=hub.run):
        await hub.opened.wait()
        yield hub


def _with_a_picture(project: str) -> Record:
    record = a_record(project=project)
    picture = Asset(
        id=asset_id(record.id, 0), index=0, media_type="image/png", bytes=1, sha256="0" * 64
    )
    return record.model_copy(update={"assets": [picture]})


async def _heard(hub: Hub, bus: NatsBus, record: Record) -> Frame:
    """The frame of an event that nobody listened to when it happened."""
    event = Event.of("accepted", record, now(), "test")
    sequence = (await bus.events.append(event, 0)).sequence
    async with asyncio.timeout(20):
        while not (frames := hub.recent(record.project, None, sequence - 1)):
            await hub.wait_beyond(sequence - 1)
            await asyncio.sleep(0)
    return frames[0]


async def test_a_client_that_goes_away_does_not_take_an_event_along(bus: NatsBus) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def sign(message: Msg) -> None:
        asked.set()
        await answers.wait()
        signed = SignedObjects(urls=["http://store/0"], expires_in=60)
        await message.respond(signed.model_dump_json().encode())

    storage = await bus.client.subscribe(QUERY_SIGN, cb=sign)
    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        one, other = (asyncio.create_task(hub.show(frame)) for _ in range(2))
        await asked.wait()
        one.cancel()
        answers.set()
        await other
    await storage.unsubscribe()

    assert '"url":"http://store/0"' in frame.text


async def _addressed(hub: Hub, frame: Frame, *, unlike: str = "") -> str:
    """The text of a frame, once it has an address, and another text than `unlike`."""
    async with asyncio.timeout(20):
        while '"url":"http://store/' not in frame.text or frame.text == unlike:
            await asyncio.sleep(0.02)
            await hub.show(frame)
    return frame.text


async def test_an_address_is_asked_for_again_before_it_stops_working(bus: NatsBus) -> None:
    given = 0

    async def sign(message: Msg) -> None:
        nonlocal given
        given += 1
        signed = SignedObjects(urls=[f"http://store/{given}"], expires_in=1.2)
        await message.respond(signed.model_dump_json().encode())

    storage = await bus.client.subscribe(QUERY_SIGN, cb=sign)
    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        first = await _addressed(hub, frame)
        await _addressed(hub, frame, unlike=first)
    await storage.unsubscribe()


async def test_an_address_that_was_not_given_in_time_is_asked_for_again(bus: NatsBus) -> None:
    async def sign(message: Msg) -> None:
        signed = SignedObjects(urls=["http://store/0"], expires_in=900)
        await message.respond(signed.model_dump_json().encode())

    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        await hub.show(frame)
        assert '"url":null' in frame.text
        storage = await bus.client.subscribe(QUERY_SIGN, cb=sign)
        await _addressed(hub, frame)
    await storage.unsubscribe()


async def test_what_needs_no_address_is_shown_without_asking_anybody(bus: NatsBus) -> None:
    async with _hub(bus) as hub:
        record = a_record(project=some_project())
        frame = await _heard(hub, bus, record)
        await hub.show(frame)

    assert f'"id":"{record.id}"' in frame.text
    assert frame.showing is None


async def _accepted(bus: NatsBus, project: str) -> Entry:
    return await bus.events.append(
        Event.of("accepted", a_record(project=project), now(), "test"), 0
    )


def _once_read(
    bus: NatsBus, job: str, happens: Callable[[], Awaitable[None]], patch: pytest.MonkeyPatch
) -> None:
    """Let something happen when the history of a job has been read, the first time."""
    every = bus.jetstream.every
    happening = [happens]

    async def watched(stream: str, subject: str, sequence: int = 1) -> AsyncIterator[Stored]:
        async for message in every(stream, subject, sequence):
            yield message
        if subject.endswith(job) and happening:
            await happening.pop()()

    patch.setattr(bus.jetstream, "every", watched)


async def _events(outbox: Outbox, number: int) -> list[dict[str, Any]]:
    """So many events that a client is sent."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(frames) < number:
            taken = [json.loads(frame) for frame in await outbox.take()]
            frames += [frame for frame in taken if frame["op"] == "event"]
    return frames


@pytest.mark.parametrize("ring_bytes", [ONE_EVENT, MANY_EVENTS])
async def test_who_follows_several_jobs_misses_nothing_that_happens_while_they_are_read(
    bus: NatsBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring_bytes: int
) -> None:
    project = some_project()
    first, last = sorted([await _accepted(bus, project) for _ in range(2)], key=_job)
    begun = min(first.sequence, last.sequence)
    ledger = SqlLedger(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")
    outbox, expected = Outbox(), sorted([first.sequence, last.sequence])

    async with _hub(bus, ring_bytes=ring_bytes) as hub:

        async def both_end() -> None:
            for entry in (first, last):
                expected.append((await advance(bus.events, entry, Canceled(), "test")).sequence)
            async with asyncio.timeout(20):
                while hub.head < expected[-1]:
                    await hub.wait_beyond(expected[-1] - 1)

        _once_read(bus, _job(first), both_end, monkeypatch)
        asked = Subscribe(
            op="subscribe",
            id=1,
            project=project,
            jobs=[_job(first), _job(last)],
            after=Cursor(epoch=hub.epoch, sequence=begun - 1),
        )
        subscription = Subscription(
            asked,
            hub,
            ledger,
            Presenter(StatusSettings(), Addresses(bus.jetstream, patience=2)),
            outbox,
            replay_limit=100,
            final_for=timedelta(minutes=1),
        )
        await subscription.run()
        events = await _events(outbox, len(expected))
        subscription.stop()
    await ledger.aclose()

    assert [event["sequence"] for event in events] == expected


def _job(entry: Entry) -> str:
    return entry.record.id
