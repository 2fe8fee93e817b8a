"""Upload of a spooled response's outputs to storage."""

import asyncio

import stamina
import structlog

from heliograph.contracts.errors import JobError, OutputRefused, OutputTooLarge, Unavailable
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.context import Worker
from services.render.worker.refused_outputs import refuse_outputs
from services.render.worker.response_spool import KeptResponse, MemoryResponse

log = structlog.get_logger()

_STORE_TIMEOUT = 5.0  #: seconds that a worker waits for storage to take outputs
_RETRY_DELAY = 0.5  #: seconds between tries


async def upload_in_time(worker: Worker, latest: LogEntry, kept: KeptResponse) -> LogEntry:
    """Upload a response: one on disk waits a bounded time, one in memory without a bound."""
    timeout = None if isinstance(kept, MemoryResponse) else _STORE_TIMEOUT
    try:
        async with asyncio.timeout(timeout):
            refusal = await _upload_until_done(worker, kept)
    except TimeoutError:
        log.warning("Storage not ready for a response", job=kept.response.job)
        kept.release()
        return latest
    if refusal:
        latest = await refuse_outputs(worker, latest, refusal)
    kept.remove()
    return latest


async def _upload_until_done(worker: Worker, kept: KeptResponse) -> JobError | None:
    retrying = stamina.AsyncRetryingCaller(
        attempts=None, timeout=None, wait_initial=_RETRY_DELAY, wait_max=_RETRY_DELAY, wait_jitter=0
    )
    return await retrying(Unavailable, upload_outputs, worker, kept)


async def upload_outputs(worker: Worker, kept: KeptResponse) -> JobError | None:
    """Upload all outputs; returns storage's final refusal of one, or None. Raises Unavailable."""
    response, refusal = kept.response, None
    async for sha256, content in kept.contents():
        try:
            await worker.output_uploader.upload(response.project, response.job, sha256, content)
        except (OutputRefused, OutputTooLarge) as error:
            log.warning("Storage refused an output", job=response.job, reason=str(error))
            refusal = error
    return refusal
