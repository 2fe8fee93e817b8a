"""
Security headers of every response of a service. Headers that a route sets itself are kept.

A response of the API is data: no browser guesses its type, frames it, runs it, names it in a `Referer`,
keeps it, or hands it to a page of another origin that did not ask by CORS. A response with a validator is a
file, and may be kept. A response 304 gets no headers: they would replace those of the kept response.
"""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]  #: as ASGI has them, names in small letters

_ALWAYS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NOT_KEPT = (b"cache-control", b"no-store")
_KEPT_BY = frozenset(
    {b"cache-control", b"etag", b"last-modified"}
)  #: what says that it may be kept
_NOT_MODIFIED = 304
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


class SecurityHeaders:
    """ASGI middleware, around everything that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS and message.get("status") != _NOT_MODIFIED:
                headers = [*message.get("headers", ())]
                message["headers"] = headers + lacking_headers(name for name, _ in headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def lacking_headers(names: Iterable[bytes]) -> RawHeaders:
    """Security headers to add to a response with headers of these names."""
    present = frozenset(names)
    lacking = [header for header in _ALWAYS if header[0] not in present]
    return lacking if present & _KEPT_BY else [*lacking, _NOT_KEPT]
