"""
The bus in memory, for tests: the same promises, and a gate before every act.

A `gate` decides when each act of a handler happens, and in which order.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.records import Record
from heliograph.contracts.slots import Restored
from heliograph.runtime.bus import AccountUsage, SlotClaim
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry

Gate = Callable[..., Awaitable[None]]  #: called with the name of the act, and what it is about


async def open_gate(_: str, *__: object) -> None:
    """Every act happens at once."""
    await asyncio.sleep(0)


class MemoryEventLog:
    """`EventLog` in a list."""

    def __init__(self, gate: Gate = open_gate, source: str = "heliograph/test") -> None:
        self._gate = gate
        self.source = source
        self.log: list[LogEntry] = []
        self._by_job: dict[str, list[LogEntry]] = defaultdict(list)

    async def last(self, job: str) -> LogEntry | None:
        await self._gate("read", job)
        return self.latest(job)

    async def job(self, job: str) -> JobEntry | None:
        entry = await self.last(job)
        return entry.as_job() if entry else None

    def latest(self, job: str) -> LogEntry | None:
        """The last event of a job, at once."""
        entries = self._by_job.get(job)
        return entries[-1] if entries else None

    def of(self, job: str) -> list[LogEntry]:
        """All events of a job, at once."""
        return self._by_job.get(job, [])

    def jobs(self) -> list[str]:
        return list(self._by_job)

    async def append(self, event: EventEnvelope, after: int) -> LogEntry:
        await self._gate("append", event.body.id, event.name)
        latest = self.latest(event.body.id)
        if self.is_lost(event, latest, after):
            raise Conflict(event.body.id)
        entry = LogEntry(len(self.log) + 1, event, event.at)
        self.log.append(entry)
        self._by_job[event.body.id].append(entry)
        return entry

    def is_lost(self, event: EventEnvelope, latest: LogEntry | None, after: int) -> bool:
        """Whether another writer was first."""
        return (latest.sequence if latest else 0) != after

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        await self._gate("read", job)
        return [entry for entry in self.of(job) if entry.sequence > after][:limit]


@dataclass(frozen=True)
class Message:
    """A run or store message."""

    kind: str  #: `run` or `store`
    job: str
    sequence: int


@dataclass
class MemoryWorkQueue:
    """`WorkQueue` in dictionaries. Its owner delivers the messages."""

    gate: Gate = open_gate
    queue: dict[str, tuple[int, Ticket]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    dead_lettered: list[str] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)  #: seconds, of tickets for storage
    is_roomy: bool = True
    _sequence: int = 0

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    async def enqueue(self, ticket: Ticket) -> None:
        await self.gate("enqueue", ticket.job)
        if ticket.job not in self.queue:
            self.queue[ticket.job] = (self.next_sequence(), ticket)

    async def move(self, ticket: Ticket, sequence: int) -> bool:
        await self.gate("move", ticket.job)
        if self.queue.get(ticket.job, (0, None))[0] != sequence:
            return False
        del self.queue[ticket.job]
        self.messages.append(Message("run", ticket.job, self.next_sequence()))
        return True

    async def publish_store(
        self, project: str, job: str, *, wait: float = 0.0, waited: float = 0.0
    ) -> None:
        await self.gate("publish store", job)
        self.waited[job] = waited
        if not any(m.kind == "store" and m.job == job for m in self.messages):
            self.messages.append(Message("store", job, self.next_sequence()))

    async def purge(self, job: Record) -> None:
        await self.gate("purge", job.id)
        self.queue.pop(job.id, None)

    async def has_work(self, job: str) -> bool:
        await self.gate("look for work", job)
        return job in self.queue or any(m.job == job for m in self.messages)

    async def has_room(self) -> bool:
        return self.is_roomy

    async def dead_letter(self, job: Record, reason: str) -> None:
        await self.gate("bury", job.id)
        self.dead_lettered.append(job.id)

    def ack(self, message: Message) -> None:
        """The message is done with."""
        if message in self.messages:
            self.messages.remove(message)


class MemorySlotClaims:
    """`SlotClaims` in a dictionary."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self._gate = gate
        self.claims: dict[tuple[str, str], tuple[str | None, int]] = {}
        self.restored: dict[tuple[str, str], Restored] = {}
        self.withdrawn: dict[tuple[str, str], frozenset[str]] = {}

    async def read(self, project: str, slot: str) -> SlotClaim:
        await self._gate("read slot", slot)
        return self._claim(project, slot)

    def _claim(self, project: str, slot: str) -> SlotClaim:
        place = (project, slot)
        job, revision = self.claims.get(place, (None, 0))
        gone = self.withdrawn.get(place, frozenset())
        return SlotClaim(job, revision, self.restored.get(place), gone)

    async def read_all(self, project: str) -> dict[str, SlotClaim]:
        await self._gate("read slots", project)
        return {slot: self._claim(project, slot) for of, slot in self.claims if of == project}

    async def claim(self, project: str, slot: str, job: str, seen: SlotClaim) -> None:
        await self._gate("claim slot", slot, job)
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, seen.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (job, revision + 1)

    async def restore(self, project: str, slot: str, restored: Restored, seen: SlotClaim) -> None:
        await self._gate("restore", slot)
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, seen.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (seen.job, revision + 1)
        self.restored[project, slot] = restored

    async def withdraw(
        self, project: str, slot: str, jobs: Collection[str], seen: SlotClaim
    ) -> None:
        await self._gate("withdraw", slot)
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, seen.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (seen.job, revision + 1)
        self.withdrawn[project, slot] = frozenset(jobs)

    def is_lost(self, revision: int, seen: int) -> bool:
        """Whether another writer was first."""
        return revision != seen


class MemoryAccountPermits:
    """`AccountPermits` in a dictionary; `cap` places in each."""

    def __init__(self, cap: int, gate: Gate = open_gate) -> None:
        self._gate = gate
        self.cap = cap
        self.held: dict[str, dict[str, int]] = defaultdict(dict)
        self.breaker: CircuitBreaker | None = None  #: of all of them; only remembered

    async def acquire(self, account: str, job: str, seen: int, *, force: bool = False) -> bool:
        await self._gate("take", job)
        holders = self.held[account]
        if not force and job not in holders and len(holders) >= self.cap:
            return False
        holders[job] = max(seen, holders.get(job, 0))
        return True

    async def release(self, account: str, job: str, seen: int) -> None:
        await self._gate("free", job)
        holders = self.held[account]
        if holders.get(job, seen) < seen:
            del holders[job]

    async def update_breaker(
        self, account: str, verdict: Callable[[CircuitBreaker | None], CircuitBreaker | None]
    ) -> None:
        self.breaker = verdict(self.breaker)

    async def usage(self, account: str) -> AccountUsage:
        await self._gate("look at places", account)
        holders = self.held[account]
        return AccountUsage(dict(holders), self.cap, self.breaker)

    def names(self) -> list[str]:
        return list(self.held)
