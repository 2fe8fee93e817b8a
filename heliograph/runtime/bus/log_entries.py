"""Entries of the event log: an event, and where it stands."""

from dataclasses import dataclass, field
from datetime import datetime

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.records import Marker, Record


@dataclass(frozen=True)
class LogEntry:
    """An event where it stands in the log."""

    sequence: int
    event: EventEnvelope
    stored_at: datetime | None = field(default=None, compare=False)  #: by NATS's clock; if read

    @property
    def body(self) -> Record | Marker:
        return self.event.body

    @property
    def record(self) -> Record:
        """The body, where only a job can be. Raises Unreadable for a marker."""
        if not isinstance(self.event.body, Record):
            raise Unreadable(f"{self.event.body.id} has a marker where a job was expected")
        return self.event.body

    def as_job(self) -> "JobEntry | None":
        """The entry as that of a job; None for a marker."""
        if not isinstance(self.event.body, Record):
            return None
        return JobEntry(self.sequence, self.event, self.stored_at)


class JobEntry(LogEntry):
    """An event whose body is the record of a job."""
