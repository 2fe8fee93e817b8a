"""Job dependencies (`after`): whether the jobs a job waits for have succeeded or failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from heliograph.contracts.errors import DependencyFailed, Unreadable
from heliograph.contracts.job_events import Failed
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.crash_points import crash_point
from services.render.job_problem import job_problem

_ENDED = {Step.FAILED: "failed", Step.CANCELED: "was canceled", Step.EXPIRED: "expired"}
_RETRY = NextAction(
    kind="retry", label="Try the other job again, and then this one after the new one"
)


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
        failed=next((record for record in records if record.step in _ENDED), None),
    )


async def _last(events: EventLog, job: str) -> JobEntry | None:
    """A job that cannot be read counts as not ended."""
    try:
        return await events.job(job)
    except Unreadable:
        return None


def dependency_failed(record: Record, other: Record) -> Failed:
    """The event that fails a job after a failed dependency."""
    detail = f"{other.id} {_ENDED[other.step]}, and this job was to start after it"
    error = DependencyFailed(detail, next_actions=[_RETRY])
    return Failed(problem=job_problem(record, error, "no"), charged=record.charged)


@retry_on_conflict
async def fail_if_dependency_failed(events: EventLog, work: WorkQueue, job: str) -> bool:
    """
    End a job in the queue, if one that it waits for did not succeed. Whether it is over.

    Raises:
        Unavailable: Unknown; check again.
    """
    entry: LogEntry | None = await events.job(job)
    if entry is None:
        return False
    record = entry.record
    if record.step is Step.ACCEPTED:
        other = (await dependency_status(events, record.internal.after)).failed
        if other is None:
            return False
        entry = await transition(events, entry, dependency_failed(record, other))
        crash_point("depend.failed")
        record = entry.record
    if record.step.is_final:
        await work.purge(record)
    return record.step.is_final
