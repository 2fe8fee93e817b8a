"""Submission intent: when the log stored that a run was about to send its request."""

from datetime import datetime

from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.context import Worker

_PAGE = 16  #: events of a job in memory


async def intent_time(worker: Worker, record: Record) -> datetime | None:
    """Time at which NATS stored the run's `submitting`; None if that event was removed."""
    after = 0
    while entries := await worker.events.history(record.id, after, _PAGE):
        for entry in entries:
            if _announces(entry, record.internal.run):
                return entry.stored_at
        after = entries[-1].sequence
    return None


def _announces(entry: LogEntry, run: int) -> bool:
    job = entry.as_job() if entry.event.name == "submitting" else None
    return job is not None and job.record.internal.run == run
