"""The bus of the world: the twins that ship, every act of theirs behind a gate."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage, OnDecided
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.testing.account_permits import MemoryAccountPermits
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.work_queue import MemoryWorkQueue, Message
from services.render.worker.response_spool import InlineResponse, KeptResponse
from tests.simulation.processes import Process, current, gate, hear_back

ACCOUNT = "sim"

Observe = Callable[
    [LogEntry, LogEntry | None], None
]  #: called with an event, and the job's one before


class Events(MemoryEventLog):
    """The log, with somebody who looks at everything that is written."""

    def __init__(self, observe: Observe, *, holds: bool = False) -> None:
        super().__init__(gate)
        self._observe = observe
        self._holds = holds
        self.held: dict[str, EventEnvelope] = {}  #: first events that were in a budget record first
        self.appended: dict[str, list[LogEntry]] = defaultdict(
            list
        )  #: what was written, trimmed or not

    async def append(
        self, event: EventEnvelope, expected_last: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        if on_decided and self._holds:
            await self._hold(event, on_decided)
        entry = await super().append(event, expected_last)
        self.appended[event.body.id].append(entry)
        before = self.appended[event.body.id][-2:-1]
        self._observe(entry, before[0] if before else None)
        await hear_back()
        return entry

    async def _hold(self, event: EventEnvelope, on_decided: OnDecided) -> None:
        """The budget record has the event, and the job is enqueued before the log has it."""
        await gate("hold", event.body.id)
        if await self.complete("", [event.body.id]) or self.latest(event.body.id):
            raise Conflict(event.body.id)
        self.held[event.body.id] = event
        on_decided()
        await current().others_have_acted()

    async def complete(self, _project: str, jobs: Collection[str]) -> bool:
        """As whoever writes the next budget record does it, or misses a job."""
        held = [self.held[job] for job in jobs if job in self.held]
        for event in held:
            with suppress(Conflict):
                await self.append(event, 0)
        return bool(held)

    def missing(self) -> list[str]:
        """Jobs whose first event is in a budget record only."""
        return [job for job in self.held if self.latest(job) is None]

    def trim(self, job: str) -> None:
        """Keep the last event of a job, as the janitor does, however far the job is."""
        del self._by_job[job][:-1]


class Work(MemoryWorkQueue):
    """The queue, and a server that may crash: what it forgets comes back."""

    def __init__(self) -> None:
        super().__init__(gate)
        self.owners: dict[Message, Process] = {}
        self.deliveries: dict[Message, int] = {}
        self.acked: list[Message] = []  #: acks that the server may still forget
        self.moved: dict[str, tuple[int, Ticket]] = {}  #: and deletions
        self.enqueued: set[str] = set()  #: jobs that ever were

    async def enqueue(self, ticket: Ticket) -> None:
        await super().enqueue(ticket)
        self.enqueued.add(ticket.job)

    async def move(self, ticket: Ticket, sequence: int) -> bool:
        is_moved = await super().move(ticket, sequence)
        if is_moved:
            self.moved[ticket.job] = (sequence, ticket)
        return is_moved

    def forget_move(self, job: str) -> None:
        """The run message stays, and so does the queue message that it came from."""
        self.queue[job] = self.moved.pop(job)

    def forget_ack(self, message: Message) -> None:
        self.acked.remove(message)
        self.messages.append(message)

    def deliver(self, message: Message, to: Process) -> int:
        """Give a message to a process. Returns how often it was delivered now."""
        self.owners[message] = to
        self.deliveries[message] = self.deliveries.get(message, 0) + 1
        return self.deliveries[message]

    def ack(self, message: Message) -> None:
        """Also a worker whose message went to somebody else deletes it."""
        if message in self.messages:
            self.acked.append(message)
        super().ack(message)
        self.owners.pop(message, None)

    def sync(self) -> None:
        """From now on the server remembers what it did."""
        self.acked.clear()
        self.moved.clear()

    def nak(self, message: Message) -> None:
        self.owners.pop(message, None)


class Accounts(MemoryAccountPermits):
    """One account with a cap."""

    def __init__(self, cap: int) -> None:
        super().__init__(cap, gate)

    @property
    def holders(self) -> dict[str, int]:
        return self.held[ACCOUNT]

    def has_room(self, job: str) -> bool:
        """What the dispatcher goes by."""
        return job in self.holders or len(self.holders) < self.cap

    def names(self) -> list[str]:
        return [ACCOUNT]

    async def usage(self, account: str) -> AccountUsage:
        await gate("read places")
        holders = self.held[account]
        return AccountUsage(dict(holders), self.cap)


class Index:
    """`RequestIndex`: what a read model says that has the whole log."""

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        self._is_known = is_known

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        await gate("ask whose", *requests)
        return frozenset(filter(self._is_known, requests))


@dataclass(eq=False)
class SimulatedResponse:
    """`KeptResponse` on a disk that outlives every process."""

    spool: "Spool"
    response: InlineResponse
    bytes_: list[bytes]
    process: Process | None

    async def contents(self) -> AsyncIterator[tuple[str, bytes]]:
        for content in self.bytes_:
            yield hashlib.sha256(content).hexdigest(), content

    def remove(self) -> None:
        self.spool.waiting.remove(self)

    def release(self) -> None:
        self.process = None


class Spool:
    """`ResponseSpool`: whose process is dead, or let go, is abandoned."""

    def __init__(self, is_alive: Callable[[Process], bool]) -> None:
        self.waiting: list[SimulatedResponse] = []
        self.ever: list[SimulatedResponse] = []
        self._is_alive = is_alive

    async def keep(self, response: InlineResponse, contents: Sequence[bytes]) -> KeptResponse:
        await gate("spool", response.job)
        kept = SimulatedResponse(self, response, [*contents], current())
        self.waiting.append(kept)
        self.ever.append(kept)
        return kept

    async def abandoned(self) -> list[KeptResponse]:
        await gate("look into the spool")
        abandoned = [kept for kept in self.waiting if self.is_abandoned(kept)]
        for kept in abandoned:
            kept.process = current()
        return [*abandoned]

    def is_abandoned(self, kept: SimulatedResponse) -> bool:
        return kept.process is None or not self._is_alive(kept.process)


class SimulatedReceiver:
    """`OutputReceiver`: storage, as far as it takes outputs."""

    def __init__(self) -> None:
        self.brought: set[str] = set()

    async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
        await gate("bring", job)
        self.brought.add(f"{job}/{sha256}")

    async def remove(self, project: str, job: str) -> None:
        """They have become assets."""
        await gate("clear", job)
