"""Work queue in memory."""

from dataclasses import dataclass, field

from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.records import Record
from heliograph.testing.gate import Gate, open_gate


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
