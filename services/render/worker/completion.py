"""Completion of an attempt whose job has ended: it is stopped, and its end is recorded."""

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.errors import AccountRefused, OutputExpired, ProviderUnavailable
from heliograph.contracts.job_events import Submitted
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.kept_outputs import end_of_attempt
from services.render.worker.poll import poll_until_done
from services.render.worker.reconcile import reconcile
from services.render.worker.request_description import describe_request, with_catalog_facts


async def complete(worker: Worker, entry: LogEntry) -> LogEntry | None:
    """
    Find the request of a job that is over, stop it, and learn how it ended.

    Returns the job as it was left; None when it has to be read again.
    """
    if entry.record.internal.attempts[-1].request_id is None:
        return await reconcile(worker, entry)
    return await poll_until_done(worker, entry)


async def complete_named(worker: Worker, entry: LogEntry, run: int, request_id: str) -> None:
    """
    Record how the open attempt of an ended job ended; `request_id` is a hint of its request.

    The id itself proves nothing; that the provider knows it under our account does.
    """
    attempt = _attempt(entry.record, run)
    if attempt is None or attempt.request_id not in (None, request_id):
        return
    try:
        request = describe_request(worker.catalog.current, entry.record, attempt, request_id)
        state = await worker.provider(entry.record).poll(request)
        state = with_catalog_facts(worker.catalog.current, entry.record, state)
    except (ProviderUnavailable, AccountRefused):
        return
    if isinstance(state, RequestStopped) and isinstance(state.error, OutputExpired):
        return
    entry = await append_until_written(worker, entry, Submitted(run=run, request_id=request_id))
    if isinstance(state, RequestSucceeded | RequestStopped):
        await append_until_written(worker, entry, end_of_attempt(entry, run, state))


def _attempt(record: Record, run: int) -> Attempt | None:
    return next((each for each in record.internal.attempts if each.run == run), None)
