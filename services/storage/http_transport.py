"""
HTTP transport: httpx on the connections of aiohttp, which take half of the processor time of its own.

Redirects, decoding and retries stay what they are with httpx. An address is sent as it is written: a
signature may cover every letter of it. No cookie is kept, and the environment names no proxy.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from heliograph.runtime.fetching.certificates import ssl_context

_CHUNK = 64 * 1024  #: bytes of a response that are handed on at once, at most
_KEPT = 5.0  #: seconds that a connection is kept for the next request

#: what aiohttp raises -> what httpx calls it; the first that fits. Everything else is no HTTP.
_NAMES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (OSError, httpx.ReadError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (ValueError, httpx.RemoteProtocolError),
)


class WholeResponse(NamedTuple):
    """An HTTP response whose content has been read."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class AiohttpTransport(httpx.AsyncBaseTransport):
    """
    Connections of one client, opened with its first request.

    Args:
        connections: Requests at once; others wait.
        proxy: URL of an HTTP proxy for all of them.
    """

    def __init__(self, *, connections: int = 100, proxy: str | None = None) -> None:
        self._connections = connections
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _translated():
            response = await self._session_opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=CIMultiDict(request.headers.multi_items()),
                data=_body(request),
                timeout=_timeout(request.extensions.get("timeout", {})),
                allow_redirects=False,
                proxy=self._proxy,
                server_hostname=request.extensions.get("sni_hostname"),
            )
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_Stream(response)
        )

    async def put(
        self,
        url: str,
        headers: Mapping[str, str],
        content: AsyncIterable[bytes],
        *,
        timeout: httpx.Timeout,
    ) -> WholeResponse:
        """
        Send a body whose length is in `headers`, as it comes. What httpx makes of a request and of its
        response would cost more than a small body does.

        Raises:
            httpx.TransportError: There is no whole response.
        """
        with _translated():
            async with self._session_opened().put(
                URL(url, encoded=True),
                headers=headers,
                data=content,
                timeout=_timeout(timeout.as_dict()),
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                return WholeResponse(response.status, response.headers, await response.read())

    def _session_opened(self) -> aiohttp.ClientSession:
        return self._session or self._open()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._connections, keepalive_timeout=_KEPT, ssl=ssl_context()
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
        )
        return self._session

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()


class _Stream(httpx.AsyncByteStream):
    """The body of a response, as it came."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._response.content.iter_chunked(_CHUNK):
                yield chunk

    async def aclose(self) -> None:
        """The connection is used again if the body was read to its end."""
        self._response.release()


def _body(request: httpx.Request) -> httpx.AsyncByteStream | None:
    """A stream, because aiohttp sends bytes a second time by itself when a connection breaks."""
    if "Content-Length" not in request.headers:
        return None
    assert isinstance(request.stream, httpx.AsyncByteStream)
    return request.stream


def _timeout(seconds: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    """Seconds, as httpx was told them: for each step, and none for the whole."""
    return aiohttp.ClientTimeout(
        total=None,
        connect=seconds.get("pool"),
        sock_connect=seconds.get("connect"),
        sock_read=seconds.get("read"),
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Translate every error to one of httpx's; their texts contain no address."""
    try:
        yield
    except httpx.HTTPError:
        raise
    except tuple(theirs for theirs, _ in _NAMES) as error:
        name = next(ours for theirs, ours in _NAMES if isinstance(error, theirs))
        raise name(type(error).__name__) from None
