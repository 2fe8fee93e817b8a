"""State of a lane in the dispatcher: its queue, its limit, and what is in use."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime

from cachetools import FIFOCache

from heliograph.contracts.limits import LaneLimit
from heliograph.contracts.queries.scheduler import LaneState, WaitingProject
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.work_queue import STREAM
from heliograph.runtime.clock import now
from services.render.scheduler.account_capacity import AccountCapacity
from services.render.scheduler.eta import prefetch
from services.render.scheduler.fair_queue import FairQueue
from services.render.scheduler.round_robin import QueuedJob

_REMEMBERED = 1_000  #: moves
_LISTED = 500  #: projects of a lane that are named, those with most jobs first


class LaneScheduler:
    """Scheduler state of one lane."""

    def __init__(self, name: str, cap: int) -> None:
        self.name = name
        self.limit = LaneLimit(cap=cap)
        self.wakeup = asyncio.Event()
        self.in_use = 0  #: delivered to a worker
        self.ready = 0  #: moved, and not delivered yet
        self._moved: FIFOCache[str, Ticket] = FIFOCache(_REMEMBERED)
        self.reset()

    def reset(self) -> None:
        """Drop all state of the lane, to be read again."""
        self.queue = FairQueue()
        self.is_new = True  #: its consumer was not read yet

    async def wait(self, seconds: float) -> None:
        """Wait until the wake-up event, the time of a delayed job, or the timeout."""
        due = self.queue.next_due_at()
        if due and due > now():
            seconds = min(seconds, (due - now()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wakeup.wait()

    async def look(self, bus: NatsBus) -> None:
        """Read the consumer's usage and the lane's limit. Raises Unavailable."""
        name = f"CONSUMER.INFO.{STREAM}.{lane_consumer(self.name)}"
        info, limit = await asyncio.gather(bus.jetstream.api(name), bus.lanes.limit(self.name))
        if info["config"]["max_ack_pending"] != limit.cap:
            limit = await bus.lanes.enforce(self.name)
        self.limit = limit
        self.in_use, self.ready = info["num_ack_pending"], info["num_pending"]
        self.is_new = False

    def room(self, seconds: float, most: int) -> int:
        """Number of jobs to move, if each takes `seconds`."""
        cap = self.limit.cap
        return cap + prefetch(cap, seconds, most) - self.in_use - self.ready

    def note_moved(self, ticket: Ticket) -> None:
        """Record that a ticket was moved; workers get tickets in the order of their moves."""
        self._moved.pop(ticket.job, None)
        self._moved[ticket.job] = ticket
        self.ready += 1

    def moved(self, job: str) -> Ticket | None:
        """A job that was moved lately; None in a dispatcher that has just begun."""
        return self._moved.get(job)

    def turn_of_ready(self, job: str) -> int | None:
        """The position of a job among those not yet delivered, counted from 1."""
        ready = list(self._moved)[-self.ready :] if self.ready else []
        return ready.index(job) + 1 if job in ready else None

    def upcoming(self) -> Iterator[tuple[Ticket, datetime | None]]:
        """Jobs in the order of their positions, each with the time since when it is queued."""
        ready = list(self._moved.values())[-self.ready :] if self.ready else []
        yield from ((ticket, None) for ticket in ready)
        yield from ((waiting.ticket, waiting.since) for waiting in self.queue.upcoming())

    def turns(self, count: int, capacity: AccountCapacity) -> Iterable[QueuedJob]:
        """Take the next jobs out; each reserves a permit of its account."""
        for _ in range(count):
            waiting = self.queue.next(now(), capacity.has_room, capacity.holders())
            if waiting is None:
                return
            capacity.reserve(waiting.ticket)
            yield waiting

    def state(self, usage: dict[str, AccountUsage]) -> LaneState:
        """The state shown to operators; `usage` is the usage of every account with waiting jobs."""
        first = self.queue.first()
        reasons = (blocking_reason(name, each, "", now()) for name, each in usage.items())
        return LaneState(
            name=self.name,
            cap=self.limit.cap,
            paused=self.limit.paused,
            in_use=self.in_use,
            waiting=len(self.queue) + self.ready,
            oldest_wait_seconds=(now() - first.since).total_seconds() if first else None,
            blocked=sorted(filter(None, reasons)),
            projects=[
                WaitingProject(project=project, waiting=count)
                for project, count in self.queue.projects().most_common(_LISTED)
            ],
        )


def blocking_reason(account: str, usage: AccountUsage, job: str, at: datetime) -> str | None:
    """Why an account has no room for a job; None when it has."""
    breaker = usage.breaker
    if breaker and not breaker.admits(job, at):
        return f"circuit breaker of account {account} is open: {breaker.reason}"
    if not usage.has_room(job):
        return f"account {account} is full: {usage.cap} at once"
    return None
