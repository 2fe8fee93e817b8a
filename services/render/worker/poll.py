"""Polls a submitted request until it is done, and publishes its progress."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from heliograph.contracts.errors import AccountRefused, ProviderUnavailable, ReferenceFailed
from heliograph.contracts.job_events import JobEvent
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.render.providers import Provider, ReferenceGone, Request
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.inline_outputs import record_inline
from services.render.worker.kept_outputs import end_of_attempt
from services.render.worker.outcomes import after_poll, timeout_state
from services.render.worker.poll_interval import poll_interval
from services.render.worker.request_description import describe_request, with_catalog_facts
from services.render.worker.wakeups import WakeUp


async def poll_until_done(worker: Worker, entry: LogEntry) -> LogEntry | None:
    """
    Poll the request until it ends, or the record changed. The request of a job that is to be stopped,
    or is over, is stopped first.

    Returns the job as it was left; None when it has to be read again.
    """
    record = entry.record
    await worker.accounts.acquire(record.internal.account, record.id, entry.sequence, force=True)
    attempt = record.internal.attempts[-1]
    assert attempt.request_id
    request = describe_request(worker.catalog.current, record, attempt, attempt.request_id)
    provider = worker.provider(record)
    with worker.wakeups.wakeup(record.id) as wakeup:
        state = await _poll(worker, provider, request, entry, wakeup)
    if state is None:
        return None
    state = await _with_references(worker, record, state)
    state = with_catalog_facts(worker.catalog.current, record, state)
    crash_point("follow.ended")
    if isinstance(state, RequestSucceeded) and state.contents:
        return await record_inline(worker, entry, state)
    if record.step.is_final:
        event: JobEvent = end_of_attempt(entry, attempt.run, state)
    else:
        event = after_poll(record, state, now(), worker.settings)
    latest = await append_until_written(worker, entry, event)
    crash_point("follow.written")
    return latest


async def _with_references(
    worker: Worker, record: Record, state: RequestSucceeded | RequestStopped
) -> RequestSucceeded | RequestStopped:
    """An uploaded reference that the provider deleted too early is uploaded again."""
    if not isinstance(state, RequestStopped) or not isinstance(state.error, ReferenceFailed):
        return state
    if not await worker.references.forget(record):
        return state
    return replace(state, error=ReferenceGone(str(state.error), provider=state.error.provider))


async def _poll(
    worker: Worker,
    provider: Provider,
    request: Request,
    entry: LogEntry,
    wakeup: WakeUp,
) -> RequestSucceeded | RequestStopped | None:
    """Poll until the request ends; None when the record is to be read again."""
    clock, record = asyncio.get_running_loop().time, entry.record
    run, limit = record.internal.attempts[-1].run, record.internal.timeout_seconds
    looked, to_stop = clock(), _is_to_stop(record)
    while True:
        taken = worker.clock.seconds(record.id, run)
        to_stop = to_stop and not await _stop(provider, request)
        with suppress(ProviderUnavailable, AccountRefused):
            state = await provider.poll(request)
            if isinstance(state, RequestSucceeded | RequestStopped):
                return state
            await worker.reporter.report(record, state)
        if taken >= limit:
            await _stop(provider, request)
            return timeout_state(record)
        if await wakeup.wait(poll_interval(taken, worker.settings)):
            return None
        if clock() - looked > worker.settings.ack_wait / 3:
            looked = clock()
            if await _has_changed(worker, entry):
                return None


def _is_to_stop(record: Record) -> bool:
    return record.internal.cancel or record.internal.expire or record.step.is_final


async def _stop(provider: Provider, request: Request) -> bool:
    """
    Cancel the request. Returns whether the provider acknowledged it: a request that is not stopped is
    rendered, and paid for.
    """
    try:
        await provider.cancel(request)
    except (ProviderUnavailable, AccountRefused):
        return False
    crash_point("follow.stopped")
    return True


async def _has_changed(worker: Worker, entry: LogEntry) -> bool:
    """A hint may be lost; the record is not."""
    latest = await worker.events.last(entry.record.id)
    return latest is not None and latest.sequence != entry.sequence
