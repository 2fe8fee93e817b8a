"""Pages below a path: if a proxy serves the gateway at `/app/`, the addresses in its pages begin with it."""

from html import escape

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.page_headers import is_html

_AT_ROOT = b'="/'  #: how an attribute of ours with an address begins
#: of the file as it was built: a page that a browser keeps would lead elsewhere after a change
_VALIDATORS = ("ETag", "Last-Modified")


class PathPrefix:
    """
    Puts a prefix before all addresses in HTML that begin at the root of the host.

    The proxy takes the prefix off the paths of requests, so nothing else here knows of it. Scripts
    find it by their own address.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._replacement = f'="{escape(prefix)}/'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        page = bytearray()

        async def send_prefixed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and is_html(message):
                start = message  # its length is known when the page is whole
            elif start is None:
                await send(message)
            else:
                page.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await self._send_page(start, bytes(page), send)

        await self._app(scope, receive, send_prefixed)

    async def _send_page(self, start: Message, page: bytes, send: Send) -> None:
        body = page.replace(_AT_ROOT, self._replacement)
        headers = MutableHeaders(scope=start)
        for name in (*_VALIDATORS, "Content-Length"):
            del headers[name]
        if body:  # the response to HEAD has no body
            headers["Content-Length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})
