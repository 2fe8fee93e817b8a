"""Reconciliation of `submitting` without a reply: was the request accepted?"""

from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import ProviderUnavailable, SubmitOutcomeUnknown
from heliograph.contracts.job_events import AttemptCompleted, Canceled, Submitted, SubmitUnknown
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.crash_points import crash_point
from services.render.providers.lookup_results import Found, NotSubmitted, Unknown
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.outcomes import unknown_outcome_problem
from services.render.worker.request_lookup import look_up
from services.render.worker.submit import start_again


async def reconcile(worker: Worker, entry: LogEntry) -> LogEntry | None:
    """
    Look the request up; if it is not found, wait until it cannot be on its way any more, and look again.

    The wait is by this process's own clock, from when it read the record: the writer of `submitting`
    may send its POST for as long as the submit limit, and be considered dead for `ack_wait`. What is
    decided after the wait is appended against what was read before it.

    Returns the job as it was left; None when it has to be read again.
    """
    record = entry.record
    seen = await look_up(worker, record)
    if not isinstance(seen, Found):
        timeout = worker.submit_limit(record) + worker.settings.ack_wait
        with worker.wakeups.wakeup(record.id) as wakeup:
            if await wakeup.wait(timeout):
                return None
        seen = await look_up(worker, record)
        crash_point("reconcile.waited")
    latest = await _conclude(worker, entry, record, seen)
    worker.lost_replies.forget(record.id, record.internal.run)
    crash_point("reconcile.written")
    return latest


async def _conclude(
    worker: Worker, entry: LogEntry, record: Record, seen: Found | NotSubmitted | Unknown
) -> LogEntry:
    run = record.internal.run
    if record.step.is_final and not isinstance(seen, Found):
        return await append_until_written(
            worker, entry, _never_known(entry, is_absent=isinstance(seen, NotSubmitted))
        )
    match seen:
        case Found():
            crash_point("reconcile.found")
            return await append_until_written(
                worker, entry, Submitted(run=run, request_id=seen.request_id)
            )
        case NotSubmitted() if record.internal.expire:
            return await worker.append(entry, expiry(record))
        case NotSubmitted():
            return await start_again(worker, entry)
        case Unknown() if record.internal.cancel:
            return await worker.append(entry, Canceled(charged="unknown"))
        case Unknown() if record.internal.expire:
            return await worker.append(entry, expiry(record, "unknown"))
        case Unknown():
            reason = worker.lost_replies.reason(record.id, run)
            event = SubmitUnknown(
                run=run, problem=unknown_outcome_problem(record, reason), answer=reason
            )
            return await worker.append(entry, event)


def _never_known(entry: LogEntry, *, is_absent: bool) -> AttemptCompleted:
    """Close the attempt of an ended job whose request was not found."""
    return AttemptCompleted(
        run=entry.record.internal.attempts[-1].run,
        ended=entry.record.ended(entry.sequence),
        charged="no" if is_absent else "unknown",
        outcome=(ProviderUnavailable if is_absent else SubmitOutcomeUnknown).code,
    )
