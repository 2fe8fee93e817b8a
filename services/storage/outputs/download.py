"""Downloads outputs from allow-listed hosts: streamed to a file, bounded in size and time."""

import asyncio
from pathlib import Path

import httpx
import stamina

from heliograph.contracts.errors import OutputRefused, StorageFailed
from heliograph.runtime.fetching.certificates import ssl_context
from heliograph.runtime.fetching.errors import HostNotListed, TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.runtime.fetching.guarded_client import GuardedClient
from heliograph.runtime.fetching.public_transport import PublicTransport, unshared_transport
from services.storage.content import Body, BodyBuffer
from services.storage.http_transport import AiohttpTransport
from services.storage.outputs.download_response import Retryable, check_response, receive_body

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_FIRST_PAUSE, _MAX_PAUSE = 0.2, 5.0  #: seconds between tries


class OutputDownloader:
    """
    Fetches results of providers.

    Args:
        hosts: Where results may come from.
        deadline: Seconds for one output, with all tries.
        proxy: URL of an HTTP proxy to all hosts that no operator named; it decides what is public.
    """

    def __init__(self, hosts: FetchHosts, *, deadline: float, proxy: str | None = None) -> None:
        self._deadline = deadline
        self._http = GuardedClient(
            hosts,
            own=AiohttpTransport(),
            public=AiohttpTransport(proxy=proxy) if proxy else PublicTransport(AiohttpTransport()),
            timeout=_TIMEOUT,
        )
        self._lenient = GuardedClient(
            hosts,
            own=_lenient(),
            public=_lenient(proxy) if proxy else PublicTransport(unshared_transport(ssl_context())),
            timeout=_TIMEOUT,
        )

    async def aclose(self) -> None:
        await self._http.aclose()
        await self._lenient.aclose()

    async def download(self, url: str, target: Path, *, limit: int, in_memory: int = 0) -> Body:
        """
        What is at `url`, at most `limit` bytes of it: in memory if it is no more than `in_memory`
        bytes, else in the file `target`.

        Raises:
            OutputRefused: The host is not listed, or its address is not public.
            OutputMissing: The output is deleted, or not available yet.
            OutputTooLarge: The output, or its declared length, exceeds the limit.
            FetchRefused: The host refuses the download permanently.
            StorageFailed: The download did not succeed before the deadline.
        """
        client = self._http
        reason = "no response"

        async def attempt() -> Body:
            buffer = BodyBuffer(target, in_memory=in_memory)
            return await _download_once(client, url, buffer, limit)

        def is_retryable(error: Exception) -> bool:
            nonlocal client, reason
            if not isinstance(error, Retryable | httpx.TransportError):
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
        except HostNotListed as error:
            named = "an operator can name it in HELIOGRAPH_PROVIDER_HOSTS"
            raise OutputRefused(f"{error}; {named}") from None
        except TargetRefused as error:
            raise OutputRefused(f"the output is not fetched: {error}") from None


async def _download_once(client: GuardedClient, url: str, buffer: BodyBuffer, limit: int) -> Body:
    async with client.get(url) as response:
        check_response(response, limit)
        return await receive_body(response, buffer, limit)


def _lenient(proxy: str | None = None) -> httpx.AsyncHTTPTransport:
    """Takes responses that break HTTP in some ways."""
    return httpx.AsyncHTTPTransport(verify=ssl_context(), trust_env=False, proxy=proxy)
