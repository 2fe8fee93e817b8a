"""Faults of emulated providers: responses that go wrong on the way, and connections that are cut."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_NGINX = "<html><head><title>502 Bad Gateway</title></head><center>nginx</center></html>"
_CUT = "emulator.cut"


class Cutting:
    """Lets an endpoint cut its connection, as a dying host would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope[_CUT] = transport.abort
        await self._app(scope, receive, send)


async def lose(request: Request, loss: str, accepted: dict[str, Any]) -> Response:
    """What is left of the response to a submission that was accepted."""
    match loss:
        case "garbage":
            return Response("<html>welcome</html>", media_type="text/html")
        case "gzip":
            content = gzip.compress(json.dumps(accepted).encode())
            headers = {"Content-Encoding": "gzip"}
            return Response(content, headers=headers, media_type="application/json")
        case "foreign_urls":
            names = ("response_url", "status_url", "cancel_url")
            return JSONResponse(accepted | dict.fromkeys(names, "http://127.0.0.1:1/elsewhere"))
    return await trouble(request, loss)


async def trouble(request: Request, kind: str) -> Response:
    """Instead of a response."""
    match kind:
        case "drop":
            cut: Callable[[], None] = request.scope[_CUT]
            cut()
        case "hang":
            await asyncio.sleep(60)
        case "nginx_502":
            return Response(_NGINX, 502, media_type="text/html")
        case "500":
            return Response("Internal Server Error", 500)
        case "429":
            return JSONResponse({"detail": "Too many requests"}, 429, {"Retry-After": "1"})
        case "401":
            return JSONResponse({"detail": "No user found for Key ID and Secret"}, 401)
        case "404":
            return JSONResponse({"detail": "Not found"}, 404)
        case "in_progress":
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        case "nonsense":
            return JSONResponse({"status": "CANCELED"})
    return Response()
