"""
The wire to fal: every request is sent once, to hosts of fal only, and its answer is bounded.

fal-client repeats requests by itself, the paid POST too. It does so for httpx's errors and for some
statuses; so what must not be repeated leaves this transport as errors that it does not know.
"""

import httpx
from fal_client.auth import FAL_QUEUE_RUN_HOST, FAL_RUN_HOST
from fal_client.client import CDN_URL, REST_URL, AsyncBackupDomainTransport

API_URL = "https://api.fal.ai"
CONNECT, READ = 5.0, 30.0  #: seconds
MAX_ANSWER = 8 * 2**20  #: bytes
_LIMITS = httpx.Limits(max_connections=10, max_keepalive_connections=5)
_TIMEOUTS = httpx.Timeout(READ, connect=CONNECT, pool=CONNECT).as_dict()

#: where fal's hosts are found below a base URL
_SURFACES = {
    FAL_QUEUE_RUN_HOST: "queue",
    FAL_RUN_HOST: "run",
    httpx.URL(REST_URL).host: "rest",
    httpx.URL(CDN_URL).host: "cdn",
    httpx.URL(API_URL).host: "api",
}
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_CLIENT_WOULD_REPEAT = frozenset({408, 409, 429})


class NotSent(Exception):
    """The request did not leave: there was no connection."""


class NoAnswer(Exception):
    """The request may have arrived, and there is no answer that can be read."""


class Unreadable(NoAnswer):
    """There is an answer, compressed or too large, and there will be no other."""


class Refused(Exception):
    """fal answered, and did not do it."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"fal answered {answer.status_code}")
        self.answer = answer


class FalTransport(httpx.AsyncBaseTransport):
    """
    Carries the requests of one client.

    Args:
        base_url: Speaks for all of fal's hosts, each below a path of its own: `/queue`, `/run`,
            `/rest`, `/cdn` and `/api`. None: fal itself.
    """

    def __init__(self, base_url: str | None = None) -> None:
        pool = httpx.AsyncHTTPTransport(limits=_LIMITS)
        self._base = httpx.URL(base_url.rstrip("/")) if base_url else None
        self._inner = pool if self._base else AsyncBackupDomainTransport(transport=pool)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises NotSent, NoAnswer, and Refused where fal-client would send it again."""
        try:
            answer = await self._inner.handle_async_request(self._addressed(request))
            whole = await _read(answer)
        except _NEVER_SENT as error:
            raise NotSent(str(error) or type(error).__name__) from error
        except httpx.HTTPError as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if whole.status_code in _CLIENT_WOULD_REPEAT or whole.is_server_error:
            raise Refused(whole)
        return whole

    def _addressed(self, request: httpx.Request) -> httpx.Request:
        """The request as it leaves: our time limits, no compression, and a host that is fal's."""
        surface = _SURFACES.get(request.url.host)
        if surface is None:
            raise NotSent(f"{request.url.host} is no host of fal")
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


async def _read(answer: httpx.Response) -> httpx.Response:
    """
    The whole answer, as it came: a compressed one could be of any size.

    Raises:
        Unreadable: It is compressed, or too large.
    """
    try:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise Unreadable("the answer is compressed")
        content = b""
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise Unreadable(f"the answer is larger than {MAX_ANSWER} bytes")
    finally:
        await answer.aclose()
    return httpx.Response(answer.status_code, headers=answer.headers, content=content)
