"""Event log in memory."""

from collections import defaultdict

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.testing.gate import Gate, open_gate


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

    async def append(
        self, event: EventEnvelope, expected_last: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        await self._gate("append", event.body.id, event.name)
        latest = self.latest(event.body.id)
        if self.is_lost(event, latest, expected_last):
            raise Conflict(event.body.id)
        entry = LogEntry(len(self.log) + 1, event, event.at)
        self.log.append(entry)
        self._by_job[event.body.id].append(entry)
        return entry

    def is_lost(self, event: EventEnvelope, latest: LogEntry | None, expected_last: int) -> bool:
        """Whether another writer was first."""
        return (latest.sequence if latest else 0) != expected_last

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        await self._gate("read", job)
        return [entry for entry in self.of(job) if entry.sequence > after][:limit]
