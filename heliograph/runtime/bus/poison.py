"""Poison jobs: a job whose handler fails repeatedly ends as failed, with a dead letter."""

from collections.abc import Callable
from contextlib import suppress

from heliograph.contracts.job_events import Failed
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition


async def fail_as_poison(
    events: EventLog, work: WorkQueue, job: str, failed: Callable[[Record], Failed]
) -> LogEntry | None:
    """
    Fail a job that broke its handler for the last time, after a dead letter for the operator.

    The dead letter is written first: a job that has ended already gets none.

    Args:
        failed: The event that ends the job as it stands.

    Returns:
        The ended job; None when there is no such job.
    """
    while True:
        entry = await events.job(job)
        if entry is None or entry.record.step.is_final:
            return entry
        event = failed(entry.record)
        await work.dead_letter(entry.record, event.problem.model_dump_json())
        with suppress(Conflict):
            return await transition(events, entry, event)
