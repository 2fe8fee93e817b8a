"""
Fair queue of a lane: weighted round robin between priorities, round robin between projects. Pure.

Inside a priority the projects take turns, one job each.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.requests import PRIORITIES, Priority
from services.render.scheduler.round_robin import HasRoom, QueuedJob, RoundRobin
from services.render.scheduler.weighted_round_robin import WeightedRoundRobin, turns_of_others

#: Positions further back than this are estimated from the weights instead of played through.
_PLAYED = 2_000


class FairQueue:
    """Queue of one lane, as known to this process."""

    def __init__(self) -> None:
        self._rings: dict[Priority, RoundRobin] = {
            priority: RoundRobin() for priority in PRIORITIES
        }
        self._turns = WeightedRoundRobin()
        self._jobs: dict[str, QueuedJob] = {}
        self._accounts: Counter[str] = Counter()
        self._delayed: list[tuple[datetime, QueuedJob]] = []  #: a heap of those that must wait
        self._dependent: dict[str, QueuedJob] = {}  #: those that wait for other jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __bool__(self) -> bool:
        """Whether any job may have a turn, now or later."""
        return len(self._jobs) > len(self._dependent)

    def add(self, waiting: QueuedJob, at: datetime) -> None:
        """
        A job was enqueued. Idempotent. A job with open dependencies has no
        turn until it is released.
        """
        ticket = waiting.ticket
        known = self._jobs.get(ticket.job)
        if known and known.sequence >= waiting.sequence:
            return
        if known:
            self.remove(ticket.job)
        self._jobs[ticket.job] = waiting
        if ticket.after:
            self._dependent[ticket.job] = waiting
            return
        self._accounts[ticket.account] += 1
        if ticket.not_before and ticket.not_before > at:
            heapq.heappush(self._delayed, (ticket.not_before, waiting))
        else:
            self._rings[ticket.priority].add(waiting)

    def has_open_dependencies(self, job: str) -> bool:
        """Whether a job waits for others."""
        return job in self._dependent

    def release(self, job: str) -> None:
        """Make a job eligible, at the position it would have had without dependencies."""
        waiting = self._dependent.pop(job, None)
        if waiting:
            self._accounts[waiting.ticket.account] += 1
            self._rings[waiting.ticket.priority].add(waiting)

    def remove(self, job: str) -> None:
        """A job is no longer on the queue."""
        if job not in self._jobs:
            return
        if self._dependent.pop(job, None):
            del self._jobs[job]
            return
        waiting = self._forget(job)
        early = [pair for pair in self._delayed if pair[1] is not waiting]
        if len(early) < len(self._delayed):
            self._delayed = early
            heapq.heapify(self._delayed)
        else:
            self._rings[waiting.ticket.priority].remove(waiting)

    def next(
        self, at: datetime, has_room: HasRoom, holders: Iterable[str] = ()
    ) -> QueuedJob | None:
        """
        Take out the job whose turn it is; None when none may run.

        `holders` are jobs that have a permit of a full account, and so may run all the same.
        """
        self._promote_delayed(at)
        for job in holders:
            waiting = self._jobs.get(job)
            if waiting and not self._must_wait(waiting):
                self.remove(job)
                return waiting
        able = [priority for priority in PRIORITIES if self._rings[priority]]
        while able:
            priority = self._turns.next(able)
            waiting = self._rings[priority].next(has_room)
            if waiting:
                self._turns.serve(priority, able)
                return self._forget(waiting.ticket.job)
            able.remove(priority)
        return None

    def ticket(self, job: str) -> Ticket | None:
        """Queue entry of a job; None when it is not queued here."""
        waiting = self._jobs.get(job)
        return waiting.ticket if waiting else None

    def next_due_at(self) -> datetime | None:
        """Earliest time at which a waiting job may run."""
        return self._delayed[0][0] if self._delayed else None

    def position(self, job: str) -> int | None:
        """The job's turn, counted from 1, as if all accounts had room; None when it has none."""
        waiting = self._jobs.get(job)
        if waiting is None or self._must_wait(waiting):
            return None
        priority = waiting.ticket.priority
        before = self._rings[priority].turns_before(waiting)
        if before > _PLAYED:
            return before + 1 + turns_of_others(priority, before, self._sizes())
        return self._play(priority, before + 1)

    def accounts(self) -> set[str]:
        """Accounts for which jobs wait."""
        return set(self._accounts)

    def projects(self) -> Counter[str]:
        """Jobs waiting, by project."""
        sizes: Counter[str] = Counter()
        for ring in self._rings.values():
            sizes += ring.sizes()
        sizes += Counter(waiting.ticket.project for _, waiting in self._delayed)
        sizes += Counter(waiting.ticket.project for waiting in self._dependent.values())
        return sizes

    def first(self) -> QueuedJob | None:
        """The job that waits longest for its turn."""
        heads = [first for ring in self._rings.values() if (first := ring.first())]
        return min([*heads, *(waiting for _, waiting in self._delayed)], default=None)

    def _must_wait(self, waiting: QueuedJob) -> bool:
        """Whether a job waits for its time or for its dependencies."""
        is_early = any(pair[1] is waiting for pair in self._delayed)
        return is_early or waiting.ticket.job in self._dependent

    def _forget(self, job: str) -> QueuedJob:
        waiting = self._jobs.pop(job)
        self._accounts[waiting.ticket.account] -= 1
        self._accounts += Counter()  # drop those without waiting jobs
        return waiting

    def _promote_delayed(self, at: datetime) -> None:
        while self._delayed and self._delayed[0][0] <= at:
            _, waiting = heapq.heappop(self._delayed)
            self._rings[waiting.ticket.priority].add(waiting)

    def upcoming(self) -> Iterator[QueuedJob]:
        """
        Jobs in order of turns, as `position` counts them. Take what is needed before the queue
        changes.
        """
        rings = {priority: ring.turns() for priority, ring in self._rings.items()}
        return (next(rings[priority]) for priority in self._turns.upcoming(self._sizes()))

    def not_yet_eligible(self) -> list[QueuedJob]:
        """Jobs without a turn yet: those that must wait for their time, then those for others."""
        return [*(waiting for _, waiting in sorted(self._delayed)), *self._dependent.values()]

    def _play(self, priority: Priority, turns: int) -> int:
        """Number of turns until a priority has had so many of its own."""
        for passed, served in enumerate(self._turns.upcoming(self._sizes()), start=1):
            turns -= served == priority
            if not turns:
                return passed
        raise AssertionError("a waiting job has a turn")

    def _sizes(self) -> dict[Priority, int]:
        """Jobs that have turns, by priority."""
        return {priority: len(ring) for priority, ring in self._rings.items()}
