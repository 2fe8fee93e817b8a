"""Downloads outputs from allow-listed hosts: one pooled client, streamed to a file, bounded."""

import asyncio
from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import stamina

from heliograph.contracts.errors import OutputExpired, OutputRefused, OutputTooLarge, StorageFailed
from heliograph.runtime.http.content_encoding import (
    BrokenEncoding,
    TooLarge,
    UnknownEncoding,
    decoder,
)
from services.storage.content import Body, BodyBuffer
from services.storage.http_transport import AiohttpTransport, ssl_context
from services.storage.outputs.result_hosts import ResultHosts

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_MAX_REDIRECTS = 3
_FIRST_PAUSE, _MAX_PAUSE = 0.2, 5.0  #: seconds between tries
_EXPIRED_STATUSES = frozenset({401, 403, 404, 410})
_RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Retryable(Exception):
    """A transient failure."""


class OutputMissing(OutputExpired):
    """The provider does not have the output, or does not have it yet."""


class FetchRefused(StorageFailed):
    """The host refuses the output permanently."""


class OutputDownloader:
    """
    Fetches results of providers.

    Args:
        hosts: Where results may come from: `host` (https), `host:port`, or `*.domain`.
        deadline: Seconds for one output, with all tries.
    """

    def __init__(self, hosts: Iterable[str], *, deadline: float) -> None:
        self._hosts = ResultHosts(hosts)
        self._deadline = deadline
        self._http = _client(AiohttpTransport())
        self._lenient = _client(httpx.AsyncHTTPTransport(verify=ssl_context(), trust_env=False))

    async def aclose(self) -> None:
        await self._http.aclose()
        await self._lenient.aclose()

    async def download(self, url: str, target: Path, *, limit: int, in_memory: int = 0) -> Body:
        """
        What is at `url`, at most `limit` bytes of it: in memory if it is no more than `in_memory`
        bytes, else in the file `target`.

        Raises:
            OutputRefused: The host is not a provider's.
            OutputMissing: It is gone, or not there yet.
            OutputTooLarge: It is, or says it is, larger than the limit.
            FetchRefused: The host will not give it, also later.
            StorageFailed: It could not be fetched before the deadline.
        """
        client = self._http
        reason = "no answer"

        async def attempt() -> Body:
            buffer = BodyBuffer(target, in_memory=in_memory)
            return await self._download_once(client, url, buffer, limit)

        def is_retryable(error: Exception) -> bool:
            nonlocal client, reason
            if not isinstance(error, _Retryable | httpx.TransportError):
                return False
            client = self._lenient  # takes bytes beyond the announced length, and more
            reason = str(error) or type(error).__name__
            return True

        retrying = stamina.AsyncRetryingCaller(
            attempts=None,
            timeout=None,
            wait_initial=_FIRST_PAUSE,
            wait_max=_MAX_PAUSE,
            wait_jitter=0,
        )
        try:
            async with asyncio.timeout(self._deadline):
                return await retrying(is_retryable, attempt)
        except TimeoutError:
            detail = f"the output could not be fetched in {self._deadline:g} s: {reason}"
            raise StorageFailed(detail) from None

    async def _download_once(
        self, client: httpx.AsyncClient, url: str, buffer: BodyBuffer, limit: int
    ) -> Body:
        for _ in range(_MAX_REDIRECTS + 1):
            async with client.stream("GET", self._hosts.check(url)) as answer:
                if not answer.is_redirect:
                    _check_answer(answer, limit)
                    return await _receive(answer, buffer, limit)
                url = str(answer.next_request.url if answer.next_request else "")
        raise OutputRefused("too many redirects")


def _client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        timeout=_TIMEOUT,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},  # some servers compress all the same
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none are kept
    )


def _check_answer(answer: httpx.Response, limit: int) -> None:
    if answer.status_code in _EXPIRED_STATUSES:
        raise OutputMissing(f"the provider answered {answer.status_code}")
    if answer.status_code in _RETRYABLE_STATUSES:
        raise _Retryable(f"the provider answered {answer.status_code}")
    if not answer.is_success:
        raise FetchRefused(f"the provider answered {answer.status_code}")
    if int(answer.headers.get("Content-Length", 0)) > limit:
        raise OutputTooLarge(f"the output is larger than {limit} bytes")


async def _receive(answer: httpx.Response, buffer: BodyBuffer, limit: int) -> Body:
    """Undoes compression, which counts for the limit only as what it stands for."""
    size = 0
    try:
        body = decoder(answer.headers.get("Content-Encoding"), limit)
        with buffer:
            async for chunk in answer.aiter_raw():
                size += len(chunk)
                buffer.write(body.feed(chunk))
        body.finish()
    except TooLarge:
        raise OutputTooLarge(f"the output is larger than {limit} bytes") from None
    except UnknownEncoding as error:
        raise OutputRefused(str(error)) from None
    except BrokenEncoding as error:
        raise _Retryable(str(error)) from None
    announced = answer.headers.get("Content-Length")
    if announced is not None and size != int(announced):
        raise _Retryable(f"{size} of {announced} bytes came")
    return buffer.body()
