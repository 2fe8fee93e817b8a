"""Failures of dependencies: a job ends when one that it waits for did not succeed."""

from heliograph.contracts.errors import DependencyFailed
from heliograph.contracts.job_events import Failed
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.crash_points import crash_point
from services.render.dependencies import UNSUCCESSFUL, dependency_status
from services.render.job_problem import job_problem

_RETRY = NextAction(
    kind="retry", label="Try the other job again, and then this one after the new one"
)


def dependency_failed(record: Record, other: Record) -> Failed:
    """The event that fails a job after a failed dependency."""
    detail = f"{other.id} {UNSUCCESSFUL[other.step]}, and this job was to start after it"
    error = DependencyFailed(detail, next_actions=[_RETRY])
    return Failed(problem=job_problem(record, error, "no"), charged=record.charged)


@retry_on_conflict
async def fail_if_dependency_failed(events: EventLog, work: WorkQueue, job: str) -> bool:
    """
    End a queued job if a dependency did not succeed. Returns whether the job has ended.

    Raises:
        Unavailable: The dependencies cannot be read at the moment; check again.
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
