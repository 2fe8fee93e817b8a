"""The event log on JetStream: the stream EVENTS."""

from heliograph.contracts import subjects
from heliograph.contracts.events import Event
from heliograph.runtime.bus import Entry
from heliograph.runtime.bus.jetstream import JetStream, Stored

STREAM = "EVENTS"


class StreamedEvents:
    """`EventLog` on one connection."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def last(self, job: str) -> Entry | None:
        stored = await self._jetstream.last(STREAM, subjects.event_of(job))
        return entry(stored) if stored else None

    async def append(self, event: Event, after: int) -> Entry:
        subject = subjects.event(event.body.project, event.body.id)
        sequence = await self._jetstream.append(
            STREAM, subject, event.data(), event.headers(), after=after
        )
        return Entry(sequence, event)

    async def history(self, job: str, after: int, limit: int) -> list[Entry]:
        subject = subjects.event_of(job)
        stored, _ = await self._jetstream.batch(STREAM, subject, after + 1, size=limit)
        return [entry(message) for message in stored]


def entry(stored: Stored) -> Entry:
    """The event in a stored message."""
    return Entry(stored.sequence, Event.read(stored.headers, stored.data))
