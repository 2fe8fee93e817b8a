"""
Guarded client: fetches addresses that callers and providers give, and nothing else.

Each address, that of every redirect included, has to be on the allow-list; one that no operator named
has to be public. No cookie is kept, and the environment names no proxy.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from heliograph.runtime.fetching.errors import TargetRefused
from heliograph.runtime.fetching.fetch_hosts import FetchHosts

MAX_REDIRECTS = 3

_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # some servers compress all the same
    "Connection": "keep-alive",
    "User-Agent": f"python-httpx/{httpx.__version__}",  # without one, some refuse
}


class GuardedClient:
    """
    Fetches from the hosts of an allow-list. Its callers bound the body and the time. It uses transports of
    httpx and no client, which takes more time for cookies and authentication than a short body.

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
        self._own = own
        self._public = public
        self._extensions = {"timeout": timeout.as_dict()}

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
            transport = self._own if target.is_own else self._public
            response = await transport.handle_async_request(self._request(target.url))
            try:
                if not response.is_redirect:
                    yield response
                    return
                url = _redirected(target.url, response)
            finally:
                await response.aclose()
        raise TargetRefused("too many redirects")

    def _request(self, url: httpx.URL) -> httpx.Request:
        return httpx.Request("GET", url, headers=_HEADERS, extensions=self._extensions)

    async def aclose(self) -> None:
        await self._own.aclose()
        await self._public.aclose()


def _redirected(url: httpx.URL, response: httpx.Response) -> str:
    """The target of a redirect. Raises TargetRefused if it is not an address."""
    if not response.has_redirect_location:
        raise TargetRefused("a redirect leads nowhere")
    try:
        return str(url.join(response.headers["Location"]))
    except (httpx.InvalidURL, UnicodeError):
        raise TargetRefused("a redirect leads to no valid URL") from None
