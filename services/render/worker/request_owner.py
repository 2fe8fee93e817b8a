"""Request owner: which job a found request belongs to. Found only where it can be no other's."""

from datetime import datetime

from heliograph.contracts.errors import AccountRefused, ProviderUnavailable, Unavailable
from heliograph.contracts.queries.provider_requests import MAX_REQUESTS
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.providers.lookup_results import Ambiguous, Found, NotSubmitted, Unknown
from services.render.worker.context import Worker
from services.render.worker.request_index import RequestIndex
from services.render.worker.submission_body import build_submission

_PAGE = 16  #: events of a job in memory


async def look_up(worker: Worker, record: Record) -> Found | NotSubmitted | Unknown:
    """
    Whether the provider has the request of a job's last attempt.

    Requests that already belong to an attempt of any job are excluded. Of several that are left,
    none is known to be the one. A provider or a read model that cannot say has not said no.

    Raises:
        Unavailable: The log does not answer.
    """
    announced_at = await _announced_at(worker, record)
    try:
        seen = await worker.provider(record).look_up(
            build_submission(record, worker.catalog.current, announced_at)
        )
    except (ProviderUnavailable, AccountRefused):
        return Unknown()
    return await _identify(worker.requests, record, seen) if isinstance(seen, Ambiguous) else seen


async def _identify(index: RequestIndex, record: Record, alike: Ambiguous) -> Found | Unknown:
    if len(alike.request_ids) > MAX_REQUESTS:
        return Unknown()
    try:
        known = await index.known(record.provider, alike.request_ids)
    except Unavailable:
        return Unknown()
    left = [name for name in alike.request_ids if name not in known]
    return Found(request_id=left[0]) if len(left) == 1 else Unknown()


async def _announced_at(worker: Worker, record: Record) -> datetime | None:
    """When NATS stored the `submitting` of the run; None when that event is no longer there."""
    after = 0
    while entries := await worker.events.history(record.id, after, _PAGE):
        for entry in entries:
            if _announces(entry, record.internal.run):
                return entry.stored_at
        after = entries[-1].sequence
    return None


def _announces(entry: LogEntry, run: int) -> bool:
    job = entry.as_job() if entry.event.name == "submitting" else None
    return job is not None and job.record.internal.run == run
