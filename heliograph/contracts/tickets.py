"""Tickets: how jobs lie in the queue."""

from datetime import datetime

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from heliograph.contracts.requests import Priority


# no model: the dispatcher keeps one for every job that waits, and a model takes four times the memory
@dataclass(frozen=True, slots=True)
class Ticket:
    """What lies in the queue for a job: enough to decide when it may start."""

    job: str
    project: str
    lane: str
    priority: Priority
    account: str
    not_before: datetime | None = None
    after: tuple[str, ...] = ()  #: jobs that must succeed before it may start

    @classmethod
    def from_json(cls, data: bytes) -> "Ticket":
        return _tickets.validate_json(data)

    def to_json(self) -> bytes:
        return _tickets.dump_json(self)


_tickets = TypeAdapter(Ticket)
