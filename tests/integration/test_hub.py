"""The hub of a status process shows an event once, to everybody who waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heliograph.contracts import subjects
from heliograph.contracts.assets import Asset
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import Canceled
from heliograph.contracts.live_frames import Cursor, Subscribe
from heliograph.contracts.queries.storage import SignedObjects, SignObjects
from heliograph.contracts.records import Record
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.status.live import snapshot_frames
from services.status.live.event_frames import Frame
from services.status.live.hub import Hub
from services.status.live.send_queue import SendQueue
from services.status.live.subscription import Subscription
from services.status.live.subscription_limits import SubscriptionLimits
from services.status.read_model.rows import Row
from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotPage, SnapshotQuery
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from tests.support.records import a_record, some_project
from tests.support.timeouts import TIMEOUT

ONE_EVENT, MANY_EVENTS = 1, 1_000_000  #: bytes that make a ring keep so much


@asynccontextmanager
async def _hub(bus: NatsBus, *, buffer_bytes: int = MANY_EVENTS) -> AsyncIterator[Hub]:
    presenter = JobPresenter(StatusSettings(), PresignedUrlCache(bus.request, timeout=2))
    hub = Hub(bus, presenter, buffer_bytes=buffer_bytes)
    async with run_in_background(hub=hub.run):
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
    event = EventEnvelope.of("accepted", record, now(), "test")
    sequence = (await bus.events.append(event, 0)).sequence
    async with asyncio.timeout(TIMEOUT):
        while not (frames := hub.recent(record.project, None, sequence - 1)):
            await hub.wait_beyond(sequence - 1)
            await asyncio.sleep(0)
    return frames[0]


async def test_events_are_kept_as_they_are_in_the_log(bus: NatsBus) -> None:
    async with _hub(bus) as hub:
        begun = hub.head
        entry = await _accepted(bus, some_project())
        async with asyncio.timeout(TIMEOUT):
            while not (buffered := hub.buffered_after(begun, 1)):
                await hub.wait_beyond(begun)
        stored = await bus.jetstream.next(STREAM, subjects.EVENTS, begun + 1)

    assert stored
    [message] = buffered
    assert (message.sequence, message.data) == (entry.sequence, stored.data)
    assert message.subject == stored.subject
    assert 0 < message.size <= stored.size


async def test_an_event_that_is_not_in_memory_is_not_heard_from_it(bus: NatsBus) -> None:
    await _accepted(bus, some_project())

    async with _hub(bus, buffer_bytes=ONE_EVENT) as hub:
        assert hub.buffered_after(hub.head - 1, 10) == []


async def test_recent_events_are_in_memory_from_the_start(bus: NatsBus) -> None:
    """After a restart all clients resume at once: what they missed is not read for each of them."""
    project = some_project()
    entries = [await _accepted(bus, project) for _ in range(3)]

    async with _hub(bus) as hub:
        frames = hub.recent(project, None, entries[0].sequence - 1)

        assert [frame.sequence for frame in frames] == [entry.sequence for entry in entries]
        assert hub.floor < entries[0].sequence
        assert hub.head >= entries[-1].sequence


async def test_clients_share_what_was_read_from_the_log(bus: NatsBus) -> None:
    """Also those that stand a few events apart: each event is read, and rendered, once."""
    project = some_project()
    entries = [await _accepted(bus, project) for _ in range(3)]
    begun = entries[0].sequence - 1

    async with _hub(bus, buffer_bytes=ONE_EVENT) as hub:
        one, through = await hub.missed.after(project, None, begun, hub.floor)
        other, _ = await hub.missed.after(project, None, begun + 1, hub.floor)

    assert [frame.sequence for frame in one] == [entry.sequence for entry in entries]
    assert all(mine is theirs for mine, theirs in zip(one[-len(other) :], other, strict=True))
    assert other
    assert through >= entries[-1].sequence


async def test_a_client_that_goes_away_does_not_take_an_event_along(bus: NatsBus) -> None:
    requested, may_reply = asyncio.Event(), asyncio.Event()

    async def sign(_: SignObjects) -> SignedObjects:
        requested.set()
        await may_reply.wait()
        return SignedObjects(urls=["http://store/0"], expires_in=60)

    storage = await bus.serve(SignObjects, sign)
    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        one, other = (asyncio.create_task(hub.render(frame)) for _ in range(2))
        await requested.wait()
        one.cancel()
        may_reply.set()
        await other
    await storage.unsubscribe()

    assert '"url":"http://store/0"' in frame.text


async def _addressed(hub: Hub, frame: Frame, *, unlike: str = "") -> str:
    """The text of a frame, once it has an address, and another text than `unlike`."""
    async with asyncio.timeout(TIMEOUT):
        while '"url":"http://store/' not in frame.text or frame.text == unlike:
            await asyncio.sleep(0.02)
            await hub.render(frame)
    return frame.text


async def test_a_presigned_url_is_renewed_before_it_expires(bus: NatsBus) -> None:
    given = 0

    async def sign(_: SignObjects) -> SignedObjects:
        nonlocal given
        given += 1
        return SignedObjects(urls=[f"http://store/{given}"], expires_in=1.2)

    storage = await bus.serve(SignObjects, sign)
    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        first = await _addressed(hub, frame)
        await _addressed(hub, frame, unlike=first)
    await storage.unsubscribe()


async def test_a_url_that_was_not_signed_in_time_is_requested_again(bus: NatsBus) -> None:
    async def sign(_: SignObjects) -> SignedObjects:
        return SignedObjects(urls=["http://store/0"], expires_in=900)

    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        await hub.render(frame)
        assert '"url":null' in frame.text
        storage = await bus.serve(SignObjects, sign)
        await _addressed(hub, frame)
    await storage.unsubscribe()


async def test_what_needs_no_address_is_shown_without_asking_anybody(bus: NatsBus) -> None:
    async with _hub(bus) as hub:
        record = a_record(project=some_project())
        frame = await _heard(hub, bus, record)
        await hub.render(frame)

    assert f'"id":"{record.id}"' in frame.text
    assert frame.showing is None


async def _accepted(bus: NatsBus, project: str) -> LogEntry:
    return await bus.events.append(
        EventEnvelope.of("accepted", a_record(project=project), now(), "test"), 0
    )


def _once_read(
    bus: NatsBus, job: str, happens: Callable[[], Awaitable[None]], patch: pytest.MonkeyPatch
) -> None:
    """Let something happen when the history of a job has been read, the first time."""
    batch = bus.jetstream.read_batch
    happening = [happens]

    async def watched(
        stream: str, subject: str, sequence: int, **bounds: int
    ) -> tuple[list[Stored], int]:
        messages = await batch(stream, subject, sequence, **bounds)
        if subject.endswith(job) and happening:
            await happening.pop()()
        return messages

    patch.setattr(bus.jetstream, "read_batch", watched)


def _subscription(
    requested: Subscribe,
    bus: NatsBus,
    hub: Hub,
    read_model: SqlReadModel,
    send_queue: SendQueue,
    *,
    patience: float = 5,
) -> Subscription:
    return Subscription(
        requested,
        hub,
        read_model,
        JobPresenter(StatusSettings(), PresignedUrlCache(bus.request, timeout=2)),
        send_queue,
        SubscriptionLimits(replay_limit=100, final_for=timedelta(minutes=1), timeout=patience),
    )


async def _events(send_queue: SendQueue, number: int) -> list[dict[str, Any]]:
    """So many events that a client is sent."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT):
        while len(frames) < number:
            taken = [json.loads(frame) for frame in await send_queue.take()]
            frames += [frame for frame in taken if frame["op"] == "event"]
    return frames


@pytest.mark.parametrize("buffer_bytes", [ONE_EVENT, MANY_EVENTS])
async def test_a_subscription_to_several_jobs_misses_nothing_while_its_snapshot_is_read(
    bus: NatsBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffer_bytes: int
) -> None:
    project = some_project()
    first, last = sorted([await _accepted(bus, project) for _ in range(2)], key=_job)
    begun = min(first.sequence, last.sequence)
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")
    send_queue, expected = SendQueue(), sorted([first.sequence, last.sequence])

    async with _hub(bus, buffer_bytes=buffer_bytes) as hub:

        async def both_end() -> None:
            for entry in (first, last):
                expected.append((await transition(bus.events, entry, Canceled())).sequence)
            async with asyncio.timeout(TIMEOUT):
                while hub.head < expected[-1]:
                    await hub.wait_beyond(expected[-1] - 1)

        _once_read(bus, _job(first), both_end, monkeypatch)
        requested = Subscribe(
            op="subscribe",
            id=1,
            project=project,
            jobs=[_job(first), _job(last)],
            after=Cursor(epoch=hub.epoch, sequence=begun - 1),
        )
        subscription = _subscription(requested, bus, hub, read_model, send_queue)
        await subscription.run()
        events = await _events(send_queue, len(expected))
        subscription.stop()
    await read_model.aclose()

    assert [event["sequence"] for event in events] == expected


async def test_what_a_hub_has_not_heard_of_yet_is_missed_and_is_no_news(
    bus: NatsBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still hears of it after its clients are back."""
    project = some_project()
    known = await _accepted(bus, project)
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")
    send_queue = SendQueue()

    async with _hub(bus) as hub:
        ask = hub.missed.last_sequence

        async def happens_first() -> int:
            await transition(bus.events, known, Canceled())
            return await ask()

        monkeypatch.setattr(hub.missed, "last_sequence", happens_first)
        requested = Subscribe(
            op="subscribe",
            id=1,
            project=project,
            after=Cursor(epoch=hub.epoch, sequence=known.sequence),
        )
        subscription = _subscription(requested, bus, hub, read_model, send_queue)
        await subscription.run()
        frames = await _frames(send_queue, "caught_up")
        subscription.stop()
    await read_model.aclose()

    assert [frame["op"] for frame in frames] == ["subscribed", "event", "caught_up"]
    assert frames[0]["missed"] == 1


def _job(entry: LogEntry) -> str:
    return entry.record.id


# -- snapshots


@asynccontextmanager
async def _subscribed(
    hub: Hub, bus: NatsBus, read_model: SqlReadModel, project: str, *, patience: float = 5
) -> AsyncIterator[tuple[SendQueue, "asyncio.Task[None]"]]:
    """A client without a cursor, and how it is brought up to date."""
    send_queue = SendQueue()
    requested = Subscribe(op="subscribe", id=1, project=project)
    subscription = _subscription(requested, bus, hub, read_model, send_queue, patience=patience)
    joining = asyncio.create_task(subscription.run())
    yield send_queue, joining
    await asyncio.wait({joining}, timeout=20)
    subscription.stop()


async def _frames(send_queue: SendQueue, op: str) -> list[dict[str, Any]]:
    """What a client is sent, up to the first frame of a kind."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT):
        while not any(frame["op"] == op for frame in frames):
            frames += [json.loads(frame) for frame in await send_queue.take()]
    return frames


async def test_a_snapshot_waits_for_a_read_model_that_is_not_there_yet(
    bus: NatsBus, tmp_path: Path
) -> None:
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")

    async with (
        _hub(bus) as hub,
        _subscribed(hub, bus, read_model, some_project()) as (send_queue, _),
    ):
        await _frames(send_queue, "subscribed")
        await read_model.prepare()
        await read_model.open(hub.epoch)
        frames = await _frames(send_queue, "snapshot")
    await read_model.aclose()

    [snapshot] = [frame for frame in frames if frame["op"] == "snapshot"]
    assert (snapshot["jobs"], snapshot["more"]) == ([], False)


async def test_a_subscription_does_not_wait_for_ever(bus: NatsBus, tmp_path: Path) -> None:
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")

    async with (
        _hub(bus) as hub,
        _subscribed(hub, bus, read_model, some_project(), patience=0.2) as (_, joining),
    ):
        with pytest.raises(Unavailable):
            await joining
    await read_model.aclose()


async def test_events_that_a_snapshot_has_in_it_are_not_sent_again(
    bus: NatsBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages are read after its sequence was taken, so later ones may be newer."""
    monkeypatch.setattr(snapshot_frames, "_FIRST_PAGE_TRIES", 1)
    project = some_project()
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")
    await read_model.prepare()

    async with _hub(bus) as hub:
        known = await read_model.open(hub.epoch)
        entry = await _accepted(bus, project)
        await read_model.apply([Row(entry.sequence, entry.record)], known, entry.sequence)
        read, ended = read_model.snapshot, list[LogEntry]()

        async def read_later(
            query: SnapshotQuery, after: SnapshotCursor | None, *, limit: int, room: int
        ) -> SnapshotPage:
            if not ended:
                ended.append(await transition(bus.events, entry, Canceled()))
                row = Row(ended[0].sequence, ended[0].record)
                await read_model.apply([row], entry.sequence, row.sequence)
            return await read(query, after, limit=limit, room=room)

        monkeypatch.setattr(read_model, "snapshot", read_later)
        async with _subscribed(hub, bus, read_model, project) as (send_queue, _):
            frames = await _frames(send_queue, "snapshot")
            other = await _accepted(bus, project)
            frames += await _frames(send_queue, "event")
    await read_model.aclose()

    [snapshot] = [frame for frame in frames if frame["op"] == "snapshot"]
    events = [frame["sequence"] for frame in frames if frame["op"] == "event"]
    assert snapshot["sequence"] == entry.sequence
    assert [job["status"] for job in snapshot["jobs"]] == ["canceled"]
    assert events == [other.sequence]
