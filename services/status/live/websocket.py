"""WebSocket of live events: `GET /v1/live`, subprotocol `heliograph.live.v1`."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect

from heliograph.contracts.close_codes import TOO_SLOW
from heliograph.contracts.errors import HeliographError
from heliograph.contracts.live_asyncapi import live_asyncapi
from heliograph.contracts.live_frames import SUBPROTOCOL
from heliograph.runtime.http.access import access_of, needs, public
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.strict_route import create_router
from services.status.live.authentication import ClientAuthentication, Redeem
from services.status.live.client_connection import ClientConnection, close_code
from services.status.live.client_limits import ClientLimits
from services.status.live.metrics import SLOW_CLIENTS
from services.status.live.send_queue import SendQueueMemory
from services.status.live.subscription import SubscriptionFactory


def live_routes(
    subscribing: SubscriptionFactory,
    admission: ClientLimits,
    memory: SendQueueMemory,
    redeem: Redeem,
) -> APIRouter:
    """Route of live events over WebSocket. `redeem` redeems tickets of browsers."""
    router = create_router("live", prefix="")

    @router.get(
        "/asyncapi",
        response_model=dict[str, Any],
        response_description="The AsyncAPI document",
        summary="AsyncAPI 3.0 document of the live protocol",
    )
    @public
    async def get_live_asyncapi(request: Request) -> Response:
        url = request.url
        document = live_asyncapi(url.netloc, secure=url.scheme == "https")
        return json_response(document)

    @router.websocket("/v1/live")
    @needs("jobs:read", names_jobs=True)
    async def live(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        client = ClientAuthentication(socket, access_of(socket.app), redeem)
        try:
            with admission.connections.permit():
                await client.read_handshake()
                code = await ClientConnection(socket, client, subscribing, admission, memory).run()
        except HeliographError as error:
            code = close_code(error)
        if code == TOO_SLOW:
            SLOW_CLIENTS.inc()
        if code:
            with suppress(RuntimeError, WebSocketDisconnect):  # the client is gone
                await socket.close(code)

    return router
