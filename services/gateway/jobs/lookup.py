"""Lookup of jobs by name."""

from heliograph.contracts.errors import NotFound
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.log_entries import JobEntry


async def load_job(events: EventLog, job: str, *, project: str | None = None) -> JobEntry:
    """The job's last event. Raises NotFound, also where the job is of another project."""
    entry = await events.job(job)
    if entry is None or project not in (None, entry.record.project):
        raise NotFound(f"there is no job {job}")
    return entry
