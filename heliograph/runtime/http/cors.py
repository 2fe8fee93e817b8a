"""
CORS: which pages may read responses. Those of this deployment may, and those that the settings name.

Only those of this deployment may send cookies along, as the console does to storage.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Send

from heliograph.runtime.http.hosts import HostAllowList

#: response headers that scripts of a page may read, beside those that browsers always show
_EXPOSED = (
    "Location",
    "Link",
    "Idempotency-Replayed",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
)


class PageCors(CORSMiddleware):
    """CORS by the host allow-list, which also decides about changes and live connections."""

    def __init__(self, app: ASGIApp, allowed: HostAllowList) -> None:
        super().__init__(
            app, allow_methods=["*"], allow_headers=["*"], expose_headers=list(_EXPOSED)
        )
        self._allowed = allowed

    def is_allowed_origin(self, origin: str) -> bool:
        return self._allowed.is_allowed_origin(origin, None)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        self._allow_cookies(response.headers, request_headers["origin"])
        return response

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        if message["type"] == "http.response.start" and "origin" in request_headers:
            message.setdefault("headers", [])
            self._allow_cookies(MutableHeaders(scope=message), request_headers["origin"])
        await super().send(message, send, request_headers)

    def _allow_cookies(self, headers: MutableHeaders, origin: str) -> None:
        if self._allowed.is_own_origin(origin, None):
            headers["Access-Control-Allow-Credentials"] = "true"
