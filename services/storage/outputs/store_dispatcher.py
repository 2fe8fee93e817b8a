"""
Storage's dispatcher: moves rendered jobs to the workers, round robin by project, by leader election.

As render's dispatcher does for lanes: one process at a time, by a lease, and each move is one step on
the server, so that another dispatcher does no harm. While no job waits, render asks for a permit and
hands the job to the workers itself. Permits in use are counted, and the count is corrected from the
server: the messages on `store.>` are the tickets that workers have, or get next.
"""

import asyncio
import heapq
import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable, Unreadable
from heliograph.contracts.subjects import JobRef, parse
from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.jetstream_errors import ApiError, translated
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.replies import may_reply, respond
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.work_queue import STREAM, WAIT, WAITED, read_queued
from heliograph.runtime.crash_points import crash_point
from services.storage.project_queue import RoundRobinQueue, share_of

_HINT_DELAY = (
    0.005  #: seconds before the second look, when a hint came before its cause was to be seen
)
_POLL_INTERVAL = 0.25  #: seconds between looks without a notification, while jobs wait
_LEAVING = 3.0  #: seconds to leave what waits to others
_GROUP = "storage"  #: one of the storage processes replies
_REREAD_INTERVAL = 2.0  #: seconds between rereads, in case a notification was lost
_RECOUNT = 0.25  #: seconds that the count of permits in use is cached while jobs wait


class _Ticket(NamedTuple):
    """A message of the queue."""

    sequence: int
    wait: float  #: seconds until its turn can come
    waited: float  #: seconds, of all times that it was given back


class StoreDispatcher:
    """
    Keeps the workers of all storage processes busy, as long as it holds the lease.

    Args:
        permits: Jobs that are stored at once, over all processes.
    """

    def __init__(self, bus: NatsBus, *, permits: int) -> None:
        self._bus = bus
        self._dead_letters = bus.jetstream.dead_letters
        self._permits = permits
        self._share = share_of(permits)
        self._wakeup = asyncio.Event()
        self._subscription: Subscription | None = None
        self._reset()

    async def listen(self) -> None:
        """Subscribe to requests for a permit: from now on, entries may wait in this queue."""

        async def confirm(message: Msg) -> None:
            await respond(message, b"")

        client = self._bus.client
        self._subscription = await client.subscribe(subjects.STORE_TURNS, queue=_GROUP, cb=confirm)

    async def leave(self) -> None:
        """
        The process ends. If no other takes turns, what waits goes to the workers at once: a storage of
        release 0.1, after a roll-back, looks nowhere else.
        """
        if self._subscription is None:
            return
        await stop_listening(self._subscription)
        with suppress(Unavailable, TimeoutError, ApiError):
            async with asyncio.timeout(_LEAVING):
                await self._bus.client.flush()
                if await self._bus.jetstream.has_subscriber(subjects.STORE_TURNS):
                    return
                self._reset()
                await self._read()
                for job in list(self._tickets):
                    await self._move(job)

    def _reset(self) -> None:
        self._waiting: RoundRobinQueue[JobRef] = RoundRobinQueue()
        self._tickets: dict[JobRef, _Ticket] = {}
        self._delayed: list[tuple[float, JobRef]] = []  #: a heap of those that must wait
        self._read_to = 0
        self._busy: Counter[str] = Counter()  #: jobs that workers have or get next, by project
        self._counted = float("-inf")

    async def run(self) -> None:
        """Wait for the lease, dispatch until it is lost, and wait again. Raises Unavailable."""
        await self._bus.opened.wait()
        while True:
            async with self._bus.leases.acquired("store-dispatcher") as lost:
                self._reset()
                client = self._bus.client
                with translated():
                    listening = [
                        await client.subscribe(
                            subjects.STORE_QUEUED,
                            cb=self._dead_letters.guarded_callback(self._on_queued),
                        ),
                        await client.subscribe(
                            subjects.lane_capacity(subjects.STORE_LANE), cb=self._on_room
                        ),
                        await client.subscribe(subjects.STORE_PERMIT, cb=self._on_permit_request),
                    ]
                try:
                    await self._dispatch(lost)
                finally:
                    await stop_listening(*listening)

    async def _dispatch(self, lost: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        read, pause = -_REREAD_INTERVAL, _HINT_DELAY
        while not lost.is_set():
            if clock() - read >= _REREAD_INTERVAL:
                read = clock()
                await self._read()
                await self._count()
            if self._wakeup.is_set():
                pause = _HINT_DELAY
            self._wakeup.clear()
            if await self._fill():
                pause = _HINT_DELAY
            else:
                await self._wait(self._rest(pause))
                pause = min(2 * pause, _POLL_INTERVAL)

    def _rest(self, pause: float) -> float:
        """Seconds until the next look, without a notification."""
        rest = pause if self._waiting else _REREAD_INTERVAL
        if self._delayed:
            rest = min(rest, self._delayed[0][0] - asyncio.get_running_loop().time())
        return max(0.0, rest)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wakeup.wait()

    async def _read(self) -> None:
        """The queue itself: all of it at first, then what came since."""
        messages = self._bus.jetstream.read_all(STREAM, subjects.STORE_QUEUE, self._read_to + 1)
        async for stored in messages:
            self._read_to = stored.sequence
            self._read_one(stored)

    def _read_one(self, stored: Stored) -> None:
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

    def _on_ticket(self, subject: str, headers: Mapping[str, str], data: bytes) -> None:
        """Raises Unreadable."""
        read = read_queued(subject, headers, data)
        self._add_ticket(JobRef(read.project, read.job), _ticket(headers))

    async def _on_room(self, message: Msg) -> None:
        project = message.data.decode(errors="replace")
        if self._busy[project] > 0:
            self._busy[project] -= 1
        self._wakeup.set()

    async def _on_permit_request(self, message: Msg) -> None:
        """Whether a job of this project may skip the queue: it is empty, and the project has not its share."""
        if not may_reply(message):  # the permit would not be used
            return
        project = message.data.decode(errors="replace")
        has_permit = self._busy.total() < self._permits and self._busy[project] < self._share
        if self._waiting or not has_permit:
            await respond(message, b"")
            return
        self._busy[project] += 1
        await respond(message, subjects.PERMIT_GRANTED)

    def _add_ticket(self, job: JobRef, ticket: _Ticket) -> None:
        known = self._tickets.get(job)
        if known and known.sequence >= ticket.sequence:
            return
        self._tickets[job] = ticket
        if known is None and ticket.wait:
            due = asyncio.get_running_loop().time() + ticket.wait
            heapq.heappush(self._delayed, (due, job))
        elif known is None:
            self._waiting.add(job.project, job)
        self._wakeup.set()

    def _promote_delayed(self) -> None:
        """Move delayed jobs whose time has come into the queue."""
        clock = asyncio.get_running_loop().time()
        while self._delayed and self._delayed[0][0] <= clock:
            _, job = heapq.heappop(self._delayed)
            self._waiting.add(job.project, job)

    async def _fill(self) -> int:
        """Move as many tickets as there is room for. Returns how many were moved."""
        self._promote_delayed()
        if not self._waiting:
            return 0
        if asyncio.get_running_loop().time() - self._counted >= _RECOUNT:
            await self._count()
        turns: list[JobRef] = []
        while self._busy.total() < self._permits:
            turn = self._waiting.next(self._busy, self._share)
            if turn is None:
                break
            self._busy[turn[0]] += 1
            turns.append(turn[1])
        await asyncio.gather(*(self._move(job) for job in turns))
        return len(turns)

    async def _count(self) -> None:
        """Count the jobs that workers have or get next, as the server knows them."""
        query = {"subjects_filter": subjects.STORE}
        info = await self._bus.jetstream.api(f"STREAM.INFO.{STREAM}", query)
        subjects_in_use = info["state"].get("subjects") or ()
        self._busy = Counter(parse(subject).project for subject in subjects_in_use)
        self._counted = asyncio.get_running_loop().time()

    async def _move(self, job: JobRef) -> None:
        ticket = self._tickets.pop(job)
        try:
            crash_point("store.chosen")
            project, sequence, waited = job.project, ticket.sequence, ticket.waited
            await self._bus.work.move_store(project, job.job, sequence, waited)
            crash_point("store.moved")
        except Unavailable:
            self._add_ticket(job, ticket._replace(wait=0.0))


def _ticket(headers: Mapping[str, str]) -> _Ticket:
    """Raises Unreadable."""
    try:
        sequence = int(headers["Nats-Sequence"])
        wait, waited = (float(headers.get(name, 0)) for name in (WAIT, WAITED))
    except (KeyError, ValueError) as error:
        raise Unreadable(f"its headers are not those of a ticket: {error}") from None
    if not (math.isfinite(wait) and math.isfinite(waited)):
        raise Unreadable("it waits for ever")
    return _Ticket(sequence, wait, waited)
