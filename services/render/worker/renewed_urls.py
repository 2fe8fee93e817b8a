"""Fresh URLs of outputs: the provider is polled again for a rendered request."""

import asyncio

import structlog

from heliograph.contracts.errors import HeliographError
from heliograph.contracts.outputs import Output
from heliograph.contracts.queries.render import RenewedOutputs, RenewOutputs
from heliograph.contracts.records import Record
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.logs import job_fields
from services.render.providers.request_states import RequestSucceeded
from services.render.worker.context import Worker
from services.render.worker.request_description import describe_request

log = structlog.get_logger()

QUEUE_GROUP = "render"  #: one of the render processes asks
_TIMEOUT = 10.0  #: seconds the provider has to respond
_MAX_CHAIN = 8  #: retries that took over from each other


async def renew(worker: Worker, job: str) -> list[Output]:
    """Fresh outputs of a rendered job from the provider; empty without a response."""
    record = await _made_by(worker, job)
    if record is None:
        return []
    attempt = record.internal.attempts[-1]
    assert attempt.request_id
    request = describe_request(worker.catalog.current, record, attempt, attempt.request_id)
    try:
        async with asyncio.timeout(_TIMEOUT):
            state = await worker.provider(record).poll(request)
    except (HeliographError, TimeoutError) as error:
        log.warning("Output URLs not renewed", reason=str(error), **job_fields(record))
        return []
    return state.outputs if isinstance(state, RequestSucceeded) else []


async def _made_by(worker: Worker, job: str) -> Record | None:
    """The job that has the request: it may have been taken over by retries."""
    for _ in range(_MAX_CHAIN):
        entry = await worker.read(job)
        if entry is None:
            return None
        internal = entry.record.internal
        if internal.attempts and internal.attempts[-1].request_id:
            return entry.record
        if internal.takeover is None:
            return None
        job = internal.takeover.job
    return None


async def serve_renewals(bus: NatsBus, worker: Worker) -> None:
    """Serve the queries of storage from now on."""

    async def on_renew(query: RenewOutputs) -> RenewedOutputs:
        return RenewedOutputs(outputs=await renew(worker, query.job))

    await bus.serve(RenewOutputs, on_renew, group=QUEUE_GROUP)
