"""HTTP transport that sends each request once, and reads a bounded response."""

import asyncio
import codecs
from contextlib import AsyncExitStack
from typing import Any

import httpx

from heliograph.runtime.fetching.certificates import ssl_context
from heliograph.runtime.http.content_encoding import (
    BrokenEncoding,
    TooLarge,
    UnknownEncoding,
    decoder,
)
from services.render.providers.http_errors import ConnectFailed, MalformedResponse, ResponseLost

CONNECT = 5.0  #: seconds
MAX_RESPONSE = 8 * 2**20  #: bytes
LARGE_AT_ONCE = 2  #: concurrent larger responses of one account
MAX_OUTPUTS = 96 * 2**20  #: bytes of a response with outputs inside it, as text

#: a submission must not wait for requests that hang; lanes and accounts limit their number
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=10)
_OUTPUTS = "heliograph.outputs"  #: extension of requests whose response may have outputs inside
#: options of such requests
WITH_OUTPUTS: dict[str, Any] = {"extensions": {_OUTPUTS: True}}

_OF_THE_BODY = ("Content-Encoding", "Content-Length")  #: headers that hold of it as it was sent
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class NoRetryTransport(httpx.AsyncBaseTransport):
    """
    Sends each request to one host exactly once, whatever the client's own retry policy.

    Its errors are not httpx's, so no client retries them.

    Args:
        base_url: The only origin that requests, and the credentials in them, are sent to.
        read: Seconds of silence before a request counts as unanswered.
        max_response: Bytes of the largest response.
    """

    def __init__(self, base_url: str, *, read: float, max_response: int = MAX_RESPONSE) -> None:
        self._pool = httpx.AsyncHTTPTransport(verify=ssl_context(), limits=LIMITS, trust_env=False)
        self._origin = _origin(httpx.URL(base_url))
        self._timeouts = httpx.Timeout(read, connect=CONNECT, pool=CONNECT).as_dict()
        self._max_response = max_response
        self._turns = asyncio.Semaphore(LARGE_AT_ONCE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ConnectFailed and ResponseLost."""
        if _origin(request.url) != self._origin:
            raise ConnectFailed(f"{request.url.host} is not the configured host")
        request.headers["Accept-Encoding"] = "identity"
        request.extensions = {**request.extensions, "timeout": self._timeouts}
        if may_have_outputs(request):
            return await send_once(self._pool, request, MAX_OUTPUTS, self._turns)
        return await send_once(self._pool, request, self._max_response)

    async def aclose(self) -> None:
        await self._pool.aclose()


def may_have_outputs(request: httpx.Request) -> bool:
    """Whether outputs may come inside the response to an idempotent request."""
    return bool(request.extensions.get(_OUTPUTS))


async def send_once(
    pool: httpx.AsyncBaseTransport,
    request: httpx.Request,
    limit: int,
    turns: asyncio.Semaphore | None = None,
) -> httpx.Response:
    """
    Send a request once, and take in the whole response: at most `limit` bytes of it.

    Args:
        turns: Semaphore of large responses; None where the request cannot be repeated.

    Raises:
        ConnectFailed: No connection was made, so the request was not sent.
        ResponseLost: The request may have arrived at the provider.
        MalformedResponse: The response is too large, or has an unknown encoding.
    """
    try:
        response = await _read(await pool.handle_async_request(request), limit, turns)
    except _NEVER_SENT as error:
        raise ConnectFailed(str(error) or type(error).__name__) from error
    except httpx.HTTPError as error:
        raise ResponseLost(str(error) or type(error).__name__) from error
    response.request = request
    return response


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(
    response: httpx.Response, limit: int, turns: asyncio.Semaphore | None
) -> httpx.Response:
    """The whole response, decompressed; the limit applies to the decompressed size."""
    content = bytearray()
    try:
        body = decoder(response.headers.get("Content-Encoding"), limit)
        async with AsyncExitStack() as turn:
            is_large = turns is None
            async for chunk in response.aiter_raw():
                content += body.feed(chunk)
                if turns and not is_large and len(content) > MAX_RESPONSE:
                    await turn.enter_async_context(turns)
                    is_large = True
            body.finish()
    except TooLarge:
        raise MalformedResponse(f"the response is larger than {limit} bytes") from None
    except UnknownEncoding as error:
        raise MalformedResponse(str(error)) from None
    except BrokenEncoding as error:
        raise ResponseLost(str(error)) from None
    finally:
        await response.aclose()
    headers = httpx.Headers(response.headers)
    for name in _OF_THE_BODY:
        headers.pop(name, None)
    plain = bytes(content).removeprefix(codecs.BOM_UTF8)  # not every client reads JSON after it
    return httpx.Response(response.status_code, headers=headers, content=plain)
