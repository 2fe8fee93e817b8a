"""Webhook routes: a provider reports that a request is done. A hint only; its data is not used."""

import structlog
from fastapi import APIRouter, Request, Response

from heliograph.contracts.errors import NotFound, ProviderUnavailable, Unavailable
from heliograph.runtime.bus import Notify
from heliograph.runtime.http.access import ScopedRoute, public
from heliograph.runtime.http.bodies import read_bytes
from services.render.providers import WebhookSender
from services.render.worker.context import Worker
from services.render.worker.webhook_calls import on_webhook

log = structlog.get_logger()


def webhook_routes(worker: Worker, hint: Notify) -> APIRouter:
    """
    Webhook routes: `/v1/hooks/<provider>/<job>/<run>/<token>`.

    Responds with 204 to every genuine call, whatever becomes of it, and 404 for all others.
    """
    router = APIRouter(prefix="/v1/hooks", include_in_schema=False, route_class=ScopedRoute)

    @router.post("/{provider}/{job}/{run}/{token}")
    @public
    async def call(provider: str, job: str, run: int, token: str, request: Request) -> Response:
        caller = worker.providers.get(provider)
        if not isinstance(caller, WebhookSender) or not caller.is_valid_token(job, run, token):
            raise NotFound
        body = await read_bytes(request)
        try:
            request_id = await caller.verify(request.headers, body)
        except ProviderUnavailable as error:
            raise Unavailable(f"{provider} did not verify the webhook: {error}") from error
        if request_id is None:
            log.warning("Webhook call rejected", provider=provider, job=job)
            raise NotFound
        await on_webhook(worker, hint, provider, job, run, request_id)
        return Response(status_code=204)

    return router
