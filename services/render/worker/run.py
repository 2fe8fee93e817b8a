"""
Runs a job: reads its record, and executes step after step until nothing is left.

Each branch is a row of "The life of a job" (docs/architecture.md). No branch relies on an acknowledgement
or on the wall clock: only the record says what happened. A record that was just written is not read again,
because every write is compared; a worker that gets a Conflict reads the record and follows it.
"""

from enum import Enum

import structlog

from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.job_events import Canceled, Started, Succeeded
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.logs import job_fields
from heliograph.runtime.tracing import job_span
from services.render.dependencies import dependency_status
from services.render.dependency_failures import dependency_failed
from services.render.worker.completion import complete
from services.render.worker.context import Worker
from services.render.worker.outcomes import after_unknown, not_sent_again
from services.render.worker.poll import poll_until_done
from services.render.worker.reconcile import reconcile
from services.render.worker.submit import start_again, submit

log = structlog.get_logger()

_WAITING = frozenset({Step.ACCEPTED, Step.RETRY_SCHEDULED})
_UNDER_WAY = frozenset({Step.STARTED, Step.SUBMITTING, Step.SUBMITTED})  #: attempts, with a permit


class MessageDone(Enum):
    """Result of a step after which a message needs no more work."""

    DONE = "done"


async def run_job(worker: Worker, project: str, job: str, run: int) -> Record | None:
    """
    Carry out one delivery of the run message of a job, whose stream sequence is `run`.

    Returns the job as it was left; None when there is no such job. After that the message needs no more work.

    Raises:
        ShuttingDown: The process is shutting down; another process continues with the message.
        Unavailable: The bus does not respond; the message is redelivered.
    """
    entry = await worker.find(project, job)
    if entry is None:
        return None
    with job_span(f"run {entry.record.lane}", entry.record):
        return await _run_from(worker, job, run, entry)


async def _run_from(worker: Worker, job: str, run: int, entry: LogEntry | None) -> Record | None:
    """Execute step after step, beginning with the job as it was read."""
    began = False  #: in this delivery
    try:
        while True:
            entry = entry or await worker.read(job)
            if entry is None:
                return None
            if entry.record.step in _UNDER_WAY:  # an attempt is continued only in its own run
                run = min(run, entry.record.internal.run)
            began = began or entry.record.step in _WAITING
            try:
                latest = await _advance(worker, run, entry, began=began)
            except Conflict:
                latest = None
            if latest is MessageDone.DONE:
                worker.reporter.forget(job)
                return entry.record
            entry = latest
    finally:
        worker.clock.forget(job)


async def _advance(
    worker: Worker, run: int, entry: LogEntry, *, began: bool
) -> LogEntry | MessageDone | None:
    """
    Execute the next step of the record. Returns the job as it was left; None: read it again.

    A start of another delivery ended before its intent was written: it counts, so that a job that kills
    every worker ends.
    """
    record = entry.record
    step = record.step
    if record.runs_on and run >= record.internal.run:
        return await complete(worker, entry)
    if step.is_final or run < record.internal.run:
        if step not in _UNDER_WAY and not record.runs_on:
            await worker.accounts.release(record.internal.account, record.id, entry.sequence)
        return MessageDone.DONE
    if record.internal.cancel and step.is_unsent:
        return await worker.append(entry, Canceled(charged=record.charged))
    if record.internal.expire and step.is_unsent:
        return await worker.append(entry, expiry(record))
    match step:
        case Step.ACCEPTED:
            return await _begin(worker, run, entry)
        case Step.RETRY_SCHEDULED if run > record.internal.run:
            return await _start(worker, run, entry)
        case Step.STARTED if not began:
            return await start_again(worker, entry)
        case Step.STARTED:
            return await submit(worker, entry)
        case Step.SUBMITTING:
            return await reconcile(worker, entry)
        case Step.SUBMITTED:
            return await poll_until_done(worker, entry)
        case _:
            return await _hand_over(worker, entry)


async def _begin(worker: Worker, run: int, entry: LogEntry) -> LogEntry | MessageDone:
    """Start a run, unless the job is done or has open dependencies."""
    record = entry.record
    reused, after = record.internal.reused, record.internal.after
    if reused:
        return await worker.append(entry, Succeeded(assets=reused.assets))
    if after:
        standing = await dependency_status(worker.events, after)
        if standing.failed:
            return await worker.append(entry, dependency_failed(record, standing.failed))
        if standing.open:
            await worker.work.enqueue(ticket_for(record))
            return MessageDone.DONE
    return await _start(worker, run, entry)


async def _start(worker: Worker, run: int, entry: LogEntry) -> LogEntry | MessageDone:
    """Acquire a permit of the account; a job that may not start goes back to the queue unchanged."""
    record = entry.record
    worker.wakeups.check()
    account, is_paused = record.internal.account, (await worker.lanes.limit(record.lane)).paused
    if is_paused or not await worker.accounts.acquire(account, record.id, entry.sequence):
        await worker.work.enqueue(ticket_for(record))
        return MessageDone.DONE
    crash_point("start.placed")
    started = await worker.append(entry, Started(run=run))
    crash_point("start.written")
    return started


async def _hand_over(worker: Worker, entry: LogEntry) -> LogEntry | MessageDone:
    """Route the job to its next service, and release the permit of its account."""
    record = entry.record
    if event := after_unknown(record, now(), worker.settings):
        try:
            return await worker.append(entry, event)
        except OverBudget as error:
            log.info("Job not submitted again: its project is over budget", **job_fields(record))
            if event := not_sent_again(record, error):
                return await worker.append(entry, event)
    if record.step is Step.RENDERED and record.internal.expire:
        return await worker.append(entry, expiry(record))
    if record.step is Step.RENDERED:
        await worker.work.publish_store(record.project, record.id)
        crash_point("leave.told")
    await worker.accounts.release(record.internal.account, record.id, entry.sequence)
    crash_point("leave.freed")
    if record.step is Step.RETRY_SCHEDULED:
        await worker.work.enqueue(ticket_for(record))
        crash_point("leave.queued")
    return MessageDone.DONE
