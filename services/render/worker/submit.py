"""Submission: the only paid call. One POST, by the process that wrote `submitting`."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import structlog

from heliograph.contracts.errors import (
    AccountRefused,
    JobError,
    ProviderRejected,
    ProviderUnavailable,
    ReferenceFailed,
    Unavailable,
)
from heliograph.contracts.job_events import Failed, Submitting
from heliograph.contracts.payloads import UnfitRequest
from heliograph.contracts.provider_arguments import final_arguments, final_prompt
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.render.bounded_text import short_text
from services.render.job_problem import job_problem
from services.render.providers.request_states import RequestSucceeded
from services.render.providers.submissions import AmbiguousSubmit
from services.render.worker.circuit_breaker import record_outcome
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.inline_outputs import record_inline
from services.render.worker.outcomes import postponed_start, restart_or_poison, retry_or_fail
from services.render.worker.recorded_submission import submission_with
from services.render.worker.request_description import with_catalog_facts
from services.render.worker.submission_body import payload_for
from services.render.worker.submit_result import SubmitResult, breaker_error, submission_event
from services.render.worker.take_over import take_over

log = structlog.get_logger()


async def submit(worker: Worker, entry: LogEntry) -> LogEntry | None:
    """
    Submit a job in `started`: build the body, write the intent, send the request, write the result.

    A body that cannot be built ends the job before the intent: nothing was sent, nothing is charged.

    The submit limit runs from before the intent is written, by this process's own clock: a POST that
    could not begin by then is not sent, so a lookup after the limit is conclusive.

    Returns the job as it was left; None when it has to be read again.
    """
    record = entry.record
    if record.internal.takeover:
        return await take_over(worker, entry, record.internal.takeover)
    prepared = await _prepare(worker, entry)
    if isinstance(prepared, LogEntry):
        return prepared
    body, intent = prepared
    ends = asyncio.get_running_loop().time() + worker.submit_limit(record)
    submitting = await worker.append(entry, intent)
    crash_point("submit.intended")
    if asyncio.get_running_loop().time() >= ends:
        return await start_again(worker, submitting)
    with _delays_shutdown(worker, submitting.record, ends):
        posted = await _post(worker, submitting.record, body, ends)
        result = with_catalog_facts(worker.catalog.current, submitting.record, posted)
        crash_point("submit.posted")
        latest = await _write(worker, submitting, result)
    await record_outcome(
        worker, record, breaker_error(result)
    )  # what was paid for is written before
    return latest


async def _prepare(worker: Worker, entry: LogEntry) -> tuple[dict[str, Any], Submitting] | LogEntry:
    """The body of the request and its intent; the job as it was left if there can be no request."""
    record = entry.record
    worker.wakeups.check()
    try:
        references = await worker.references.resolve(record)
    except ReferenceFailed as error:
        return await worker.append(entry, Failed(problem=job_problem(record, error, "no")))
    except Unavailable as error:
        return await worker.append(entry, postponed_start(error, now(), worker.settings))
    except (ProviderUnavailable, AccountRefused) as error:
        await record_outcome(worker, record, error)
        return await worker.append(entry, retry_or_fail(record, error, now(), worker.settings))
    worker.wakeups.check()
    prompt = final_prompt(record, worker.catalog.current.kinds.get(record.kind))
    arguments = final_arguments(record, prompt)
    try:
        body = payload_for(record, worker.catalog.current, arguments, references)
    except UnfitRequest as error:
        rejected = ProviderRejected(str(error))
        return await worker.append(entry, Failed(problem=job_problem(record, rejected, "no")))
    intent = Submitting(
        run=record.internal.run,
        endpoint=worker.catalog.current.models[record.model].endpoint,
        prompt=prompt,
        arguments=arguments,
        references=references,
    )
    return body, intent


async def start_again(worker: Worker, entry: LogEntry) -> LogEntry:
    """Start again after a request that surely never reached the provider. Raises Conflict."""
    event = restart_or_poison(entry.record, now(), worker.settings)
    if isinstance(event, Failed):
        await worker.work.dead_letter(entry.record, event.problem.model_dump_json())
    return await worker.append(entry, event)


def _delays_shutdown(worker: Worker, record: Record, ends: float) -> AbstractContextManager[None]:
    """A shutdown waits for a response that cannot be looked up later."""
    if worker.provider(record).can_look_up_requests:
        return nullcontext()
    return worker.posts.delay_shutdown(ends + worker.settings.shutdown_grace_period)


async def _post(
    worker: Worker, record: Record, body: dict[str, Any], ends: float
) -> SubmitResult | None:
    """Result of the one POST; None when its response is lost."""
    try:
        async with asyncio.timeout_at(ends):
            return await worker.provider(record).submit(submission_with(record, body))
    except (AmbiguousSubmit, TimeoutError) as error:
        reason = short_text(str(error)) or "the provider did not answer in time"
        worker.lost_replies.remember(record.id, record.internal.run, reason)
        log.warning("Submission response lost", job=record.id, reason=reason)
        return None
    except JobError as error:
        return error


async def _write(
    worker: Worker, submitting: LogEntry, result: SubmitResult | None
) -> LogEntry | None:
    if result is None:
        return None
    if isinstance(result, RequestSucceeded):
        latest = await record_inline(worker, submitting, result)
    else:
        latest = await append_until_written(
            worker, submitting, submission_event(submitting.record, result, worker.settings)
        )
    crash_point("submit.written")
    return latest
