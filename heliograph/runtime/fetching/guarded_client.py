"""
Guarded client: fetches addresses that callers and providers give, and nothing else.

Each address, that of every redirect included, has to be on the allow-list; one that no operator named
has to be public. No cookie is kept, and the environment names no proxy.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from heliograph.runtime.fetching.errors import TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts

MAX_REDIRECTS = 3


class GuardedClient:
    """
    Fetches from the hosts of an allow-list. Its callers bound the body and the time.

    Args:
        own: Transport to servers that an operator named.
        public: Transport to all others: a `PublicTransport`, or one to a proxy that decides by itself
            what is public.
    """

    def __init__(
        self,
        hosts: FetchHosts,
        *,
        own: httpx.AsyncBaseTransport,
        public: httpx.AsyncBaseTransport,
        timeout: httpx.Timeout,
    ) -> None:
        self._hosts = hosts
        self._own = _client(own, timeout)
        self._public = _client(public, timeout)

    @asynccontextmanager
    async def get(self, url: str) -> AsyncIterator[httpx.Response]:
        """
        The response of an address, or of where its redirects lead.

        Raises:
            HostNotListed, TargetRefused: The URL is not allowed; no request was sent.
            httpx.HTTPError: The request failed.
        """
        for _ in range(MAX_REDIRECTS + 1):
            target = self._hosts.check(url)
            client = self._own if target.is_own else self._public
            async with _response(client, target.url) as response:
                if not response.is_redirect:
                    yield response
                    return
                url = str(response.next_request.url if response.next_request else "")
        raise TargetRefused("too many redirects")

    async def aclose(self) -> None:
        await self._own.aclose()
        await self._public.aclose()


@asynccontextmanager
async def _response(client: httpx.AsyncClient, url: httpx.URL) -> AsyncIterator[httpx.Response]:
    """Raises TargetRefused for a redirect to what is no address: httpx parses it at once."""
    try:
        response = await client.send(client.build_request("GET", url), stream=True)
    except (httpx.RemoteProtocolError, UnicodeError) as error:
        if isinstance(error, UnicodeError) or isinstance(error.__context__, httpx.InvalidURL):
            raise TargetRefused("a redirect leads to no valid URL") from None
        raise
    try:
        yield response
    finally:
        await response.aclose()


def _client(transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},  # some servers compress all the same
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none are kept
    )
