"""Event writer: appends events that only one worker knows, with retries until they are written."""

import asyncio
from contextlib import suppress

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.job_events import AttemptCompleted, JobEvent
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.transitions import IllegalTransition
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.work_queue import ticket_for
from services.render.worker.context import Worker
from services.render.worker.fitting_events import fitting_event, run_of

log = structlog.get_logger()

_RETRY_DELAY = 0.5  #: seconds between tries


async def append_until_written(worker: Worker, entry: LogEntry, event: JobEvent) -> LogEntry:
    """
    Append an event that only this worker knows, with retries until it is written or the job is in
    another run. In between the job may be canceled, and the server may be unavailable or full. A job
    that is over by then gets the outcome of its attempt. Returns the job as it was left.
    """
    job, run = entry.record.id, run_of(entry, event)
    while True:
        try:
            fitting = fitting_event(entry, run, event)
            if fitting is None:
                log.info("Late job event dropped", event_type=event.name, job=job)
                return entry
            if isinstance(fitting, AttemptCompleted) and fitting.outcome is None:
                await _leave_to_a_worker(worker, entry.record)
            return await worker.append(entry, fitting)
        except IllegalTransition as error:
            log.warning("Illegal job event dropped", reason=str(error), job=job)
            return entry
        except Conflict:
            pass
        except (Unavailable, QueueFull):
            await asyncio.sleep(_RETRY_DELAY)
        with suppress(Unavailable):
            entry = await worker.read(job) or entry


async def _leave_to_a_worker(worker: Worker, record: Record) -> None:
    """Enqueue the job again, so that another process stops its request if this one dies."""
    if not await worker.work.has_work(record.id):
        await worker.work.enqueue(ticket_for(record))
