"""Request lookup: asks the provider for a job's request, and excludes requests of other jobs."""

from heliograph.contracts.errors import AccountRefused, ProviderUnavailable, Unavailable
from heliograph.contracts.queries.provider_requests import MAX_REQUESTS
from heliograph.contracts.records import Record
from services.render.providers.lookup_results import Ambiguous, Found, NotSubmitted, Unknown
from services.render.worker.context import Worker
from services.render.worker.recorded_submission import build_submission
from services.render.worker.request_index import RequestIndex
from services.render.worker.submission_intent import intent_time


async def look_up(worker: Worker, record: Record) -> Found | NotSubmitted | Unknown:
    """
    Whether the provider has the request of a job's last attempt.

    Requests that already belong to an attempt of any job are excluded. If several are left, none is taken.
    A provider or a read model that does not respond does not prove that the request is absent.

    Raises:
        Unavailable: The log does not respond.
    """
    announced_at = await intent_time(worker, record)
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
