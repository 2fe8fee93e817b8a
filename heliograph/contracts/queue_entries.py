"""Queue entries (`Ticket`): messages of the work queue."""

import json
from typing import Any

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.requests import Priority

_CONFIG = ConfigDict(extra="forbid", json_schema_extra={"additionalProperties": True})


# no model: the dispatcher keeps one for every job that waits, and a model takes four times the memory
@dataclass(frozen=True, slots=True, config=_CONFIG)
class Ticket:
    """Queue entry of a job: enough to decide when it may start."""

    job: str
    project: str
    lane: str
    priority: Priority
    account: str
    not_before: AwareDatetime | None = None
    after: tuple[str, ...] = ()  #: jobs that must succeed before it may start

    @staticmethod
    def from_json(data: bytes) -> "Ticket":
        """Raises ValueError."""
        try:
            return _tickets.validate_json(data)
        except ValidationError:
            return _newer(data)

    def to_json(self) -> bytes:
        return _tickets.dump_json(self)


def read_ticket(subject: str, data: bytes) -> Ticket:
    """Parse an entry of the queue. Raises Unreadable."""
    try:
        ticket = Ticket.from_json(data)
    except ValueError as error:
        raise Unreadable.because(error) from None
    if subject != subjects.queue(ticket.lane, ticket.priority, ticket.project, ticket.job):
        raise Unreadable("it is about another job than its subject")
    return ticket


_tickets = TypeAdapter(Ticket)
_FIELDS = frozenset(Ticket.__slots__)


@dataclass(frozen=True, slots=True, config=_CONFIG)
class NewerTicket(Ticket):
    """A ticket with fields of a later release, which are kept."""

    unknown: str = "{}"  #: as JSON

    def to_json(self) -> bytes:
        known = {name: getattr(self, name) for name in _FIELDS}
        return json.dumps(
            json.loads(_tickets.dump_json(Ticket(**known))) | json.loads(self.unknown)
        ).encode()


_newer_tickets = TypeAdapter(NewerTicket)
_objects = TypeAdapter(dict[str, Any])


def _newer(data: bytes) -> Ticket:
    """Only these are read twice. Raises ValueError."""
    fields = _objects.validate_json(data)
    unknown = {name: fields.pop(name) for name in fields.keys() - _FIELDS}
    return _newer_tickets.validate_json(json.dumps(fields | {"unknown": json.dumps(unknown)}))
