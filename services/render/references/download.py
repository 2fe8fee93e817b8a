"""Downloads references that a provider cannot fetch: of our own store, and of hosts that settings name."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx

from heliograph.contracts.errors import ReferenceFailed, Unavailable
from heliograph.runtime.fetching.certificates import ssl_context
from heliograph.runtime.fetching.errors import HostNotListed, TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.runtime.fetching.guarded_client import GuardedClient
from heliograph.runtime.fetching.public_transport import PublicTransport, unshared_transport
from heliograph.runtime.http.bounded_read import read_bounded

MAX_REFERENCE = 20 * 2**20  #: bytes

_DEADLINE = 20.0  #: seconds for one reference, with all redirects
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)

Reference = tuple[str, bytes]  #: media type and content


async def download_own(url: str) -> Reference:
    """
    A reference of ours, by an address that our store has signed. At most 20 MiB.

    Raises:
        ReferenceFailed: The reference does not exist, or is too large.
        Unavailable: The store refuses the URL, or does not respond.
    """
    try:
        async with (
            asyncio.timeout(_DEADLINE),
            httpx.AsyncClient(timeout=_TIMEOUT, verify=ssl_context(), trust_env=False) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if not response.is_success and response.status_code != httpx.codes.NOT_FOUND:
                raise Unavailable(f"the store answered {response.status_code} to a reference")
            return await _content(response)
    except (httpx.HTTPError, TimeoutError) as error:
        raise Unavailable(f"the store does not answer: {type(error).__name__}") from error


class RemoteReferences:
    """
    References on other servers, for callers.

    Args:
        hosts: Hosts that an operator named, see `FetchHosts`. Nothing else is read for callers, who could
            otherwise read our own network through us (SSRF).
        proxy: URL of an HTTP proxy to those that are named as `*.domain`.
    """

    def __init__(self, hosts: Iterable[str] = (), *, proxy: str | None = None) -> None:
        self._hosts = FetchHosts(own=hosts)
        self._proxy = proxy

    async def download(self, url: str) -> Reference:
        """
        What is at an address, at most 20 MiB. No credentials are sent there.

        Raises:
            ReferenceFailed: The reference does not exist, is too large, or its host is not listed.
            Unavailable: The download did not end in time.
        """
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                self._client() as client,
                client.get(url) as response,
            ):
                return await _content(response)
        except HostNotListed as error:
            named = "HELIOGRAPH_REFERENCE_HOSTS does not name it"
            raise ReferenceFailed(f"{error} for a caller: {named}") from None
        except TargetRefused as error:
            raise ReferenceFailed(f"a reference is not fetched: {error}") from None
        except httpx.HTTPError as error:
            reason = f"a reference's store does not answer: {type(error).__name__}"
            raise ReferenceFailed(reason) from error
        except TimeoutError:
            raise Unavailable("a reference's store is too slow") from None

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[GuardedClient]:
        """A new HTTP client for each reference, as references are rare and on many hosts."""
        client = GuardedClient(
            self._hosts,
            own=_transport(),
            public=_transport(self._proxy)
            if self._proxy
            else PublicTransport(unshared_transport(ssl_context())),
            timeout=_TIMEOUT,
        )
        try:
            yield client
        finally:
            await client.aclose()


def _transport(proxy: str | None = None) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=ssl_context(), trust_env=False, proxy=proxy)


async def _content(response: httpx.Response) -> Reference:
    """Raises ReferenceFailed."""
    if not response.is_success:
        raise ReferenceFailed(f"a reference's store answered {response.status_code}")
    too_large = ReferenceFailed(f"a reference is larger than {MAX_REFERENCE} bytes")
    content = await read_bounded(response.aiter_raw(), MAX_REFERENCE, too_large)
    return response.headers.get("Content-Type", "application/octet-stream"), content
