"""
HTTP transport to fal: each request is sent once, to hosts of fal only, with bounded responses.

fal-client repeats requests by itself, the paid POST too. It does so for httpx's errors and for some
statuses; so this transport raises errors that fal-client does not know where nothing must be repeated.
"""

import asyncio

import httpx
from fal_client.auth import FAL_QUEUE_RUN_HOST, FAL_RUN_HOST
from fal_client.client import CDN_URL, REST_URL, AsyncBackupDomainTransport

from heliograph.runtime.fetching.certificates import ssl_context
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus
from services.render.providers.no_retry_transport import (
    CONNECT,
    LARGE_AT_ONCE,
    LIMITS,
    MAX_OUTPUTS,
    MAX_RESPONSE,
    may_have_outputs,
    send_once,
)

API_URL = "https://api.fal.ai"
READ = 30.0  #: seconds
_TIMEOUTS = httpx.Timeout(READ, connect=CONNECT, pool=CONNECT).as_dict()

#: where fal's hosts are found below a base URL
_SURFACES = {
    FAL_QUEUE_RUN_HOST: "queue",
    FAL_RUN_HOST: "run",
    httpx.URL(REST_URL).host: "rest",
    httpx.URL(CDN_URL).host: "cdn",
    httpx.URL(API_URL).host: "api",
}
_CLIENT_WOULD_REPEAT = frozenset({408, 409, 429})


class FalTransport(httpx.AsyncBaseTransport):
    """
    Carries the requests of one client.

    Args:
        base_url: Replaces all of fal's hosts, each below a path of its own: `/queue`, `/run`,
            `/rest`, `/cdn` and `/api`. None: fal itself.
    """

    def __init__(self, base_url: str | None = None) -> None:
        pool = httpx.AsyncHTTPTransport(verify=ssl_context(), limits=LIMITS, trust_env=False)
        self._turns = asyncio.Semaphore(LARGE_AT_ONCE)
        self._base = httpx.URL(base_url.rstrip("/")) if base_url else None
        self._inner = pool if self._base else AsyncBackupDomainTransport(transport=pool)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ConnectFailed, ResponseLost, and HttpErrorStatus where fal-client would send it again."""
        addressed = self._addressed(request)
        if may_have_outputs(request):
            response = await send_once(self._inner, addressed, MAX_OUTPUTS, self._turns)
        else:
            response = await send_once(self._inner, addressed, MAX_RESPONSE)
        if response.status_code in _CLIENT_WOULD_REPEAT or response.is_server_error:
            raise HttpErrorStatus(response)
        return response

    def _addressed(self, request: httpx.Request) -> httpx.Request:
        """The request as it leaves: our time limits, no compression, and a host that is fal's."""
        surface = _SURFACES.get(request.url.host)
        if surface is None:
            raise ConnectFailed(f"{request.url.host} is not a fal host")
        url, headers = request.url, request.headers.copy()
        headers["Accept-Encoding"] = "identity"
        if self._base:
            path = f"{self._base.path.rstrip('/')}/{surface}".encode()
            url = self._base.copy_with(raw_path=path + request.url.raw_path)
            headers["Host"] = url.netloc.decode("ascii")
        extensions = {**request.extensions, "timeout": _TIMEOUTS}
        return httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()
