"""
Transport to public addresses only: it connects to the address that was checked.

All addresses in the name server's reply are checked, and the request is refused if one is not public: a
name with public and private addresses is made for attacks. The connection is made to one of these
addresses, so that a later reply (DNS rebinding) has no effect.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ssl import SSLContext

import httpx

from heliograph.runtime.fetching.errors import TargetRefused
from heliograph.runtime.fetching.public_addresses import is_public
from heliograph.runtime.fetching.public_hosts import is_numeric

_HTTPS = 443
_MAX_TRIED = 4  #: addresses of a host that are connected to, one after the other

#: the addresses of a host, for connections to a port; raises OSError
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a name by the system's resolver."""
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in infos))


class PublicTransport(httpx.AsyncBaseTransport):
    """
    Requests to public addresses, by another transport.

    Args:
        inner: Gets addresses in place of names, and the name in the extension `sni_hostname`. It must
            not share a connection between names, see `unshared_transport`.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, resolve: Resolve = resolve) -> None:
        self._inner = inner
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises TargetRefused, and what httpx raises."""
        *others, last = (await self._checked(request.url))[:_MAX_TRIED]
        for address in others:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._inner.handle_async_request(_pinned(request, address))
        return await self._inner.handle_async_request(_pinned(request, last))

    async def _checked(self, url: httpx.URL) -> list[str]:
        """The addresses of a host, all of which are public."""
        host = url.raw_host.decode("ascii")
        addresses = [host] if is_numeric(host) else await self._resolved(host, url.port or _HTTPS)
        if private := [address for address in addresses if not is_public(address)]:
            raise TargetRefused(f"{host} is not on the internet, but at {private[0]}")
        return addresses

    async def _resolved(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpx.ConnectError(f"the name server knows no {host}") from None
        if not addresses:
            raise httpx.ConnectError(f"the name server has no address of {host}")
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The request with an address in place of the name; certificates are checked for the name."""
    name = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # `Host` has the name
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )


def unshared_transport(verify: SSLContext) -> httpx.AsyncHTTPTransport:
    """httpx's own, which keeps no connection: it would take one for whatever name has its address."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)
