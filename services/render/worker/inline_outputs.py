"""
Inline outputs: those inside a response are spooled, recorded in the log, and sent to storage.

A spooled response is never lost: the next process records and uploads what a dead one left.
"""

import asyncio
from collections.abc import Sequence

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.job_events import Rendered
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.transitions import IllegalTransition
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.crash_points import crash_point
from services.render.providers.request_states import RequestSucceeded
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.kept_outputs import rendered
from services.render.worker.late_responses import NotYet, late_response_event
from services.render.worker.refused_outputs import refuse_outputs
from services.render.worker.response_spool import (
    InlineResponse,
    KeptResponse,
    MemoryResponse,
    NoRoom,
)
from services.render.worker.response_upload import upload_in_time, upload_outputs

log = structlog.get_logger()

_INTERVAL = 2.0  #: seconds between looks for responses that no process is responsible for


async def record_inline(worker: Worker, submitting: LogEntry, done: RequestSucceeded) -> LogEntry:
    """
    Spool the outputs of a response, record them in the log, and upload them to storage.

    No error loses the response: outputs that storage does not take soon stay in the spool.
    """
    event = rendered(submitting.record, done)
    names = dict.fromkeys(each.inline for each in event.outputs if each.inline)
    contents = [done.contents[name] for name in names]
    kept = await _keep(worker, submitting.record, event, contents)
    crash_point("inline.spooled")
    latest = await append_until_written(worker, submitting, event)
    if latest.record.step is Step.RENDERED and latest.record.internal.run == event.run:
        return await upload_in_time(worker, latest, kept)
    await _record_and_upload(worker, kept)  # the job is over, or in another attempt
    return latest


async def recover(worker: Worker) -> None:
    """Record and upload every response that a dead process left behind."""
    for kept in await worker.spool.abandoned():
        await _record_and_upload(worker, kept)


async def recover_forever(worker: Worker) -> None:
    """Recover responses at the start and at an interval, as other processes may die later."""
    while True:
        await recover(worker)
        await asyncio.sleep(_INTERVAL)


async def _record_and_upload(worker: Worker, kept: KeptResponse) -> None:
    try:
        is_over = await _go_on(worker, kept)
    except (Unavailable, QueueFull) as error:
        log.warning("Spooled response postponed", job=kept.response.job, reason=str(error))
        is_over = False
    if is_over:
        kept.remove()
    else:
        kept.release()


async def _go_on(worker: Worker, kept: KeptResponse) -> bool:
    """Whether nothing is left to do for a response."""
    entry = await _record_response(worker, kept.response)
    if entry is NotYet.NOT_YET:
        return False
    refusal = await upload_outputs(worker, kept)
    if entry is None:
        return True
    if refusal:
        await refuse_outputs(worker, entry, refusal)
    elif entry.record.step is Step.RENDERED:
        await worker.work.publish_store(entry.record.project, entry.record.id)
    return True


@retry_on_conflict
async def _record_response(worker: Worker, response: InlineResponse) -> LogEntry | NotYet | None:
    """The job, when the log knows of the response; None when there is no such job."""
    entry = await worker.read(response.job)
    if entry is None:
        return None
    event = late_response_event(entry, response)
    if event is None or isinstance(event, NotYet):
        return event or entry
    try:
        appended = await worker.append(entry, event)
    except IllegalTransition as error:
        log.warning("Illegal job event dropped", reason=str(error), job=response.job)
        return entry
    log.info("Spooled response recovered", job=response.job, event_type=event.name)
    return appended


async def _keep(
    worker: Worker, record: Record, event: Rendered, contents: Sequence[bytes]
) -> KeptResponse:
    response = InlineResponse(
        project=record.project,
        job=record.id,
        run=event.run,
        outputs=event.outputs,
        sizes=[len(content) for content in contents],
        charged=event.charged,
        bill=event.bill,
        answer=event.answer,
        detail=event.detail,
        withheld=event.withheld,
    )
    try:
        return await worker.spool.keep(response, contents)
    except NoRoom as error:
        log.error("Response kept in memory only", job=record.id, reason=str(error))
        return MemoryResponse(response, contents)
