"""
Security headers of every answer of a service. A route that says something else for itself is believed.

An answer of the API is data: no browser guesses its type, frames it, runs it, names it in a `Referer`,
keeps it, or hands it to a page of another origin that did not ask by CORS. What has a validator is a
file, and may be kept. An answer that it is still good (304) says nothing: its headers would replace those
of the kept one.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_VALIDATORS = ("ETag", "Last-Modified")  #: of files
_NOT_MODIFIED = 304
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


class SecurityHeaders:
    """ASGI middleware, around everything that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS and message.get("status") != _NOT_MODIFIED:
                message.setdefault("headers", [])
                add_security_headers(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def add_security_headers(headers: MutableHeaders) -> None:
    """Add what an answer does not say for itself."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    if not any(name in headers for name in _VALIDATORS):
        headers.setdefault("Cache-Control", "no-store")
