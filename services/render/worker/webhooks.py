"""Webhook routes: a provider says that a request is done. A hint only; no data is taken from it."""

import structlog
from fastapi import APIRouter, Request, Response

from heliograph.contracts import subjects
from heliograph.contracts.errors import NotFound, ProviderUnavailable, Unavailable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from heliograph.runtime.http.access import ScopedRoute, public
from heliograph.runtime.http.bodies import read_bytes
from services.render.providers import WebhookSender
from services.render.worker.completion import complete_named
from services.render.worker.context import Worker
from services.render.worker.lookup import find_lost_request

log = structlog.get_logger()

_UNFOUND = frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN})


def webhook_routes(worker: Worker, hint: Notify) -> APIRouter:
    """
    Webhook routes: `/v1/hooks/<provider>/<job>/<run>/<proof>`.

    Answers 204 for every genuine call, whatever becomes of it, and 404 for all others.
    """
    router = APIRouter(prefix="/v1/hooks", include_in_schema=False, route_class=ScopedRoute)

    @router.post("/{provider}/{job}/{run}/{proof}")
    @public
    async def call(provider: str, job: str, run: int, proof: str, request: Request) -> Response:
        caller = worker.providers.get(provider)
        if not isinstance(caller, WebhookSender) or not caller.is_address(job, run, proof):
            raise NotFound
        body = await read_bytes(request)
        try:
            named = await caller.verify(request.headers, body)
        except ProviderUnavailable as error:
            raise Unavailable(f"{provider} did not verify the webhook: {error}") from error
        if named is None:
            log.warning("Webhook call rejected", provider=provider, job=job)
            raise NotFound
        await _on_webhook(worker, hint, provider, job, run, named)
        return Response(status_code=204)

    return router


async def _on_webhook(
    worker: Worker, hint: Notify, provider: str, job: str, run: int, named: str
) -> None:
    """Look now for what is lost, and at what is followed."""
    found = await worker.read(job)
    if found is None or not _is_about(found.record, provider, run):
        return
    if found.record.step in _UNFOUND:
        await find_lost_request(worker, job, named=named)
    elif found.record.step.is_final:
        await complete_named(worker, found, run, named)
    await hint(subjects.record_changed(job))


def _is_about(record: Record, provider: str, run: int) -> bool:
    is_last = record.internal.run == run
    return record.provider == provider and (is_last or record.step.is_final)
