"""Event log on JetStream: the stream EVENTS, appended with optimistic concurrency."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import EventEnvelope, read_body
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.records import Marker, Record
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.atomic_batch import ComparedMessage
from heliograph.runtime.bus.group_commit import GroupCommit
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.bus.stored_messages import Stored

STREAM = "EVENTS"

_EVENT = subjects.EVENTS.removesuffix(">")
_STEPS_BACK = 16  #: messages at the end of the stream that are looked at one by one


class JetStreamEventLog:
    """
    `EventLog` on one connection, of the service `source`.

    Args:
        group: Commits first events together. By default each is stored by itself.
    """

    def __init__(
        self, jetstream: JetStream, source: str, *, group: GroupCommit | None = None
    ) -> None:
        self._jetstream = jetstream
        self.source = source
        self._group = group

    async def last(self, job: str) -> LogEntry | None:
        stored = await self._jetstream.last(STREAM, subjects.event_of(job))
        return self.read(stored) if stored else None

    async def job(self, job: str) -> JobEntry | None:
        entry = await self.last(job)
        return entry.as_job() if entry else None

    async def project_of(self, job: str) -> str | None:
        """The project of a job, also where its last event cannot be read. Raises Unavailable."""
        stored = await self._jetstream.last(STREAM, subjects.event_of(job))
        return subjects.parse(stored.subject)[0] if stored else None

    async def head(self) -> int:
        """Sequence of the last event, see `last_event`."""
        info = await self._jetstream.api(f"STREAM.INFO.{STREAM}")
        return await last_event(self._jetstream, info["state"])

    async def append(
        self, event: EventEnvelope, expected_last: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        subject, data, headers = event.subject, event.data(), event.headers()
        sequence = None
        if self._group and not expected_last:
            first = ComparedMessage(subject=subject, data=data, headers=headers)
            sequence = await self._group.store(event.body.project, first)
        if sequence is None:
            sequence = await self._jetstream.append(
                STREAM, subject, data, headers, expected_last=expected_last
            )
        return LogEntry(sequence, event)

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        entries: list[LogEntry] = []
        async for stored in self._jetstream.read_all(STREAM, subjects.event_of(job), after + 1):
            with suppress(Unreadable):
                entries.append(self.read(stored))
            if len(entries) == limit:
                break
        return entries

    def read(self, stored: Stored) -> LogEntry:
        """The event in a stored message. Raises Unreadable, once it is noted."""
        with self._noting(stored):
            event = EventEnvelope.read(stored.subject, stored.headers, stored.data)
        return LogEntry(stored.sequence, event, _time(stored.headers))

    def body(self, stored: Stored) -> Record | Marker | None:
        """The body of an event; None for an unreadable one, after noting it."""
        with suppress(Unreadable), self._noting(stored):
            return read_body(stored.subject, stored.headers, stored.data)
        return None

    @contextmanager
    def _noting(self, stored: Stored) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            self.note(stored, str(error))
            raise

    def note(self, stored: Stored, reason: str) -> None:
        """Note as a dead letter an event that cannot be used, and is skipped."""
        self._jetstream.dead_letters.note(
            STREAM, stored.sequence, stored.subject, stored.data, reason
        )


async def last_event(jetstream: JetStream, state: Mapping[str, Any]) -> int:
    """
    Sequence of the last event of all jobs, 0 if no job has one. The stream may go on: budget records
    are no events, and readers of events never hear of them.

    Args:
        state: Of the stream, as the server has just told it.

    Raises:
        Unavailable: The log does not respond.
    """
    first, end = max(1, int(state["first_seq"])), int(state["last_seq"])  # an empty log: 0 and 0
    for sequence in range(end, max(first, end - _STEPS_BACK) - 1, -1):
        stored = await jetstream.at(STREAM, sequence)
        if stored and stored.subject.startswith(_EVENT):
            return sequence
    # the server compares all subjects, which takes the longer the more jobs there are
    stored = await jetstream.last(STREAM, subjects.EVENTS)
    return stored.sequence if stored else 0


def _time(headers: dict[str, str]) -> datetime | None:
    """Time at which the server stored a message, by its own clock."""
    written = headers.get("Nats-Time-Stamp")
    return datetime.fromisoformat(written) if written else None
