"""Lookup of lost requests (`submit_unknown`): a request not visible earlier may be found later."""

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.errors import AccountRefused, OutputExpired, ProviderUnavailable
from heliograph.contracts.job_events import Submitted
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.work_queue import ticket_for
from services.render.providers.lookup_results import Found, NotSubmitted, Unknown
from services.render.providers.request_states import RequestStopped
from services.render.worker.context import Worker
from services.render.worker.event_writer import append_until_written
from services.render.worker.request_description import describe_request
from services.render.worker.request_lookup import look_up

QUEUE_GROUP = "render"  #: one of the render processes looks


async def find_lost_request(worker: Worker, job: str, *, request_id: str | None = None) -> None:
    """
    Look for a job's request; once it is found, a worker follows it.

    `request_id` is the id that it should have, as a webhook says: then a job whose submission has no response
    yet is searched for, too.
    """
    entry = await worker.read(job)
    if entry is None or not _is_unresolved(entry.record, request_id):
        return
    record = entry.record
    try:
        seen = await _look(worker, record, request_id)
    except (ProviderUnavailable, AccountRefused):
        return
    if isinstance(seen, Found):
        run = record.internal.run
        await append_until_written(worker, entry, Submitted(run=run, request_id=seen.request_id))
        if record.step is Step.SUBMIT_UNKNOWN:
            await worker.work.enqueue(ticket_for(record))


def _is_unresolved(record: Record, request_id: str | None) -> bool:
    return record.step is Step.SUBMIT_UNKNOWN or (
        request_id is not None and record.step is Step.SUBMITTING
    )


async def _look(
    worker: Worker, record: Record, request_id: str | None
) -> Found | NotSubmitted | Unknown:
    """The id itself proves nothing; that the provider knows it under our account does."""
    provider = worker.provider(record)
    if request_id is None:
        return await look_up(worker, record)
    attempt = record.internal.attempts[-1]
    request = describe_request(worker.catalog.current, record, attempt, request_id)
    state = await provider.poll(request)
    is_unknown = isinstance(state, RequestStopped) and isinstance(state.error, OutputExpired)
    return Unknown() if is_unknown else Found(request_id=request_id)


async def serve_lookups(bus: NatsBus, worker: Worker) -> None:
    """Look a request up when a hint requests it."""

    async def on_hint(message: Msg) -> None:
        await find_lost_request(worker, message.subject.rsplit(".", 1)[1])

    callback = bus.jetstream.dead_letters.guarded_callback(on_hint)
    await bus.client.subscribe(subjects.LOOK_UP, queue=QUEUE_GROUP, cb=callback)
