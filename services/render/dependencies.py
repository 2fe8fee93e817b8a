"""Job dependencies (`after`): whether the jobs a job waits for have succeeded or failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from heliograph.contracts.errors import Unreadable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.log_entries import JobEntry

UNSUCCESSFUL = {Step.FAILED: "failed", Step.CANCELED: "was canceled", Step.EXPIRED: "expired"}


@dataclass(frozen=True, kw_only=True)
class DependencyStatus:
    """State of a job's dependencies."""

    open: list[str]  #: not over yet
    failed: Record | None  #: over, without success


async def dependency_status(events: EventLog, after: Sequence[str]) -> DependencyStatus:
    """Current state of a job's dependencies. Raises Unavailable."""
    entries = [await _last(events, job) for job in after]
    records = [entry.record for entry in entries if entry]
    over = {record.id for record in records if record.step.is_final}
    return DependencyStatus(
        open=[job for job in after if job not in over],
        failed=next((record for record in records if record.step in UNSUCCESSFUL), None),
    )


async def _last(events: EventLog, job: str) -> JobEntry | None:
    """A job that cannot be read counts as not ended."""
    try:
        return await events.job(job)
    except Unreadable:
        return None
