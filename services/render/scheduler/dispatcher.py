"""
Dispatcher: moves queued jobs to their lanes in fair order; one process at a time, by leader election.

A move by a second dispatcher is harmless, because a move is one compare-and-append on the server. The state
of the dispatcher is a copy of the queue, and can be read again.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from heliograph.contracts import subjects
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import Unavailable, Unreadable
from heliograph.contracts.queries.scheduler import LaneCapacityHint
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.work_queue import STREAM, read_queued
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.render.scheduler.account_capacity import AccountCapacity
from services.render.scheduler.dependency_tracker import DependencyTracker
from services.render.scheduler.eta import DurationEstimator
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.queue_views import QueueViews, usage_of_accounts
from services.render.scheduler.reservations import Reservations
from services.render.scheduler.round_robin import QueuedJob
from services.render.settings import RenderSettings

log = structlog.get_logger()

_POLL_INTERVAL = 0.25  #: seconds between looks at a lane without a notification
_HINT_DELAY = (
    0.005  #: seconds before the second look, when a hint came before its cause was to be seen
)
_REREAD_INTERVAL = 2.0  #: seconds between readings of what the feed may have missed
_CONCURRENCY = 64  #: moves of a lane under way together


class Dispatcher:
    """Keeps every lane's short list of ready jobs filled, as long as it holds the lease."""

    def __init__(self, bus: NatsBus, catalog: Catalog, settings: RenderSettings) -> None:
        self._bus = bus
        self._dead_letters = bus.jetstream.dead_letters
        self._prefetch = settings.prefetch
        self._durations = DurationEstimator(catalog)
        self._lanes = {name: LaneScheduler(name, lane.cap) for name, lane in catalog.lanes.items()}
        self._dependencies = self._new_tracker()
        self._views = QueueViews(
            bus, self._lanes, self._durations, lambda job: self._dependencies.pending(job)
        )
        self._reservations = Reservations()
        self._read_to = 0
        self._needs_full_read = True

    def _new_tracker(self) -> DependencyTracker:
        return DependencyTracker(
            self._bus, on_dependencies_met=self._on_dependencies_met, forget=self._forget
        )

    async def run(self) -> None:
        """Wait for the lease, dispatch until it is lost, and wait again."""
        await self._bus.opened.wait()
        while True:
            async with self._bus.leases.acquired("dispatcher") as lost:
                listening = await self._listen()
                try:
                    await self._dispatch(lost)
                finally:
                    await stop_listening(*listening)

    async def _dispatch(self, lost: asyncio.Event) -> None:
        self._needs_full_read = True
        for lane in self._lanes.values():
            lane.reset()
        self._dependencies = self._new_tracker()
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self._reread()), tasks.create_task(self._dependencies.run())]
            loops += [tasks.create_task(self._run_lane(lane)) for lane in self._lanes.values()]
            await lost.wait()
            for loop in loops:
                loop.cancel()

    async def _listen(self) -> list[Subscription]:
        callbacks = {
            subjects.QUEUED: self._on_queued,
            subjects.RECORD_CHANGED: self._on_record_changed,
            subjects.LANE_CAPACITY: self._on_capacity,
        }
        hints = [
            await self._bus.client.subscribe(
                subject, cb=self._dead_letters.guarded_callback(callback)
            )
            for subject, callback in callbacks.items()
        ]
        return [*hints, *await self._views.serve()]

    # -- what waits

    async def _reread(self) -> None:
        """Read the queue itself: all of it at first, then what came since."""
        while True:
            if self._needs_full_read:
                self._needs_full_read, self._read_to = False, 0
            try:
                messages = self._bus.jetstream.read_all(STREAM, subjects.QUEUE, self._read_to + 1)
                async for stored in messages:
                    self._read_to = stored.sequence
                    self._read(stored)
            except Unavailable as error:
                log.warning("Queue not readable", reason=str(error))
            await asyncio.sleep(_REREAD_INTERVAL)

    def _read(self, stored: Stored) -> None:
        try:
            self._on_ticket(stored.subject, stored.headers, stored.data)
        except Unreadable as error:
            self._dead_letters.note(
                STREAM, stored.sequence, stored.subject, stored.data, str(error)
            )

    async def _on_queued(self, message: Msg) -> None:
        """A queue notification; unreadable entries are noted when they are reread."""
        headers = message.headers or {}
        self._on_ticket(headers.get("Nats-Subject", ""), headers, message.data)

    def _on_ticket(self, subject: str, headers: dict[str, str], data: bytes) -> None:
        """Raises Unreadable."""
        ticket = read_queued(subject, headers, data)
        lane = self._lanes.get(ticket.lane)
        if lane:
            self._reservations.remove(ticket.job)
            lane.queue.add(_waiting(ticket, headers), now())
            if lane.queue.has_open_dependencies(ticket.job):
                self._dependencies.add(ticket)
            lane.wakeup.set()

    def _on_dependencies_met(self, job: str) -> None:
        """Release a job whose dependencies have all succeeded."""
        for lane in self._lanes.values():
            if lane.queue.has_open_dependencies(job):
                lane.queue.release(job)
                lane.wakeup.set()

    async def _on_record_changed(self, message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        with suppress(Unavailable):
            # a cancel may leave the message in the queue: then it keeps its turn, and its worker
            # drops it
            queued, _, _ = subjects.work_of(job)
            if await self._bus.jetstream.last(STREAM, queued) is None:
                self._forget(job)

    def _forget(self, job: str) -> None:
        self._dependencies.remove(job)
        self._reservations.remove(job)
        for lane in self._lanes.values():
            lane.queue.remove(job)

    async def _on_capacity(self, message: Msg) -> None:
        lane = self._lanes.get(message.subject.rsplit(".", 1)[1])
        if lane is None:  # storage has hints of its own there, with other bodies
            return
        room = LaneCapacityHint.model_validate_json(message.data or b"{}")
        if room.job:
            self._reservations.remove(room.job)
        if room.kind:
            self._durations.observe(room.kind, room.seconds)
        lane.wakeup.set()

    # -- whose turn it is

    async def _run_lane(self, lane: LaneScheduler) -> None:
        """Fill a lane. An unexpected error resets this lane only; the others go on."""
        while True:
            try:
                await self._fill(lane)
            except Exception:
                log.exception("Lane scheduler failed", lane=lane.name)
            lane.reset()
            self._needs_full_read = True
            await asyncio.sleep(_REREAD_INTERVAL)

    async def _fill(self, lane: LaneScheduler) -> None:
        while True:
            was_notified = lane.wakeup.is_set()
            lane.wakeup.clear()
            try:
                moved = await self._fill_once(lane)
            except Unavailable:
                moved = 0
            if not moved and not lane.queue:
                await lane.wait(_REREAD_INTERVAL)  # whatever comes wakes it
            elif not moved:
                await lane.wait(_HINT_DELAY if was_notified else _POLL_INTERVAL)

    async def _fill_once(self, lane: LaneScheduler) -> int:
        """Move as many jobs as the lane has room for. Returns how many were moved."""
        if not lane.queue:
            return 0
        # only moves use up room: a lane that had some has at least as much by now
        has_new_limit = await self._bus.lanes.limit(lane.name) != lane.limit
        if lane.is_new or has_new_limit or self._room(lane) <= 0:
            await lane.look(self._bus)
        room = self._room(lane)
        if room <= 0 or lane.limit.paused:
            return 0
        capacity = AccountCapacity(
            await usage_of_accounts(self._bus, lane), self._reservations, now()
        )
        turns = list(lane.turns(min(room, _CONCURRENCY), capacity))
        await asyncio.gather(*(self._move(lane, waiting) for waiting in turns))
        return len(turns)

    def _room(self, lane: LaneScheduler) -> int:
        return lane.room(self._durations.of_lane(lane.name), self._prefetch)

    async def _move(self, lane: LaneScheduler, waiting: QueuedJob) -> None:
        try:
            crash_point("dispatch.chosen")
            if await self._bus.work.move(waiting.ticket, waiting.sequence):
                lane.note_moved(waiting.ticket)
            crash_point("dispatch.moved")
        except Unavailable:
            self._reservations.remove(waiting.ticket.job)
            lane.queue.add(waiting, now())


def _waiting(ticket: Ticket, headers: Mapping[str, str]) -> QueuedJob:
    """Raises Unreadable. Position and time of a ticket come from the server only."""
    try:
        since = datetime.fromisoformat(headers["Nats-Time-Stamp"]).astimezone(UTC)
        return QueuedJob(int(headers["Nats-Sequence"]), ticket, since)
    except (KeyError, ValueError) as error:
        raise Unreadable(f"not a queue subject: {error}") from None
