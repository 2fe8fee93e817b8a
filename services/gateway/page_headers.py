"""Security headers of pages: an exact content security policy, and revalidation of files by browsers."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heliograph.contracts.errors import NotFound
from heliograph.runtime.http.app import problem_response
from services.gateway.settings import GatewaySettings

_API = "/v1/"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def content_security_policy(settings: GatewaySettings) -> str:
    """
    The policy of our own pages: no inline code, and no host but those of this deployment.

    Svelte makes the one Trusted Types policy that is allowed. Styles that scripts set by the CSSOM
    need no permission.
    """
    store = _source(settings.s3_public_endpoint or settings.s3)
    status, storage = _source(settings.status_url), _source(settings.storage_url)
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": f"'self' data: blob: {store}",
        "media-src": f"blob: {store}",
        "connect-src": f"'self' {status} {_web_socket(status)} {storage} {store}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "svelte-trusted-html",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _source(url: str) -> str:
    """The origin of an address, as a policy names it: for an IPv6 address it has only the scheme."""
    parts = urlsplit(url)
    return (
        f"{parts.scheme}:" if parts.netloc.startswith("[") else f"{parts.scheme}://{parts.netloc}"
    )


def _web_socket(source: str) -> str:
    return source.replace("http", "ws", 1)


class PageHeaders:
    """
    Adds the headers of pages to HTML, and responds with 404 where a page would be returned for a path of
    the API.
    """

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy(settings),
            **_HEADERS,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_api = scope["path"].startswith(_API)
        replaced = False

        async def send_with_headers(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and is_api and is_html(message):
                replaced = True
                response = problem_response(NotFound().problem(instance=scope["path"]))
                await response(scope, receive, send)
            elif not replaced:
                self._complete(message, is_api=is_api)
                await send(message)

        await self._app(scope, receive, send_with_headers)

    def _complete(self, message: Message, *, is_api: bool) -> None:
        if message["type"] != "http.response.start" or is_api:
            return
        headers = MutableHeaders(scope=message)
        headers.setdefault("Cache-Control", "no-cache")
        if is_html(message):
            for name, value in self._headers.items():
                headers.setdefault(name, value)


def is_html(message: Message) -> bool:
    """Whether the response that begins so is a page."""
    return any(
        name == b"content-type" and value.startswith(b"text/html")
        for name, value in message["headers"]
    )
