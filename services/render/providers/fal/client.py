"""fal's own client on our transport: one per account, bound to a loop, and closed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fal_client
import httpx
from asyncstdlib import cached_property
from fal_client.auth import MissingCredentialsError
from fal_client.client import (
    USER_AGENT,
    FalClientError,
    FalClientHTTPError,
    FalClientTimeoutError,
    RealtimeError,
)

from services.render.providers.fal.transport import FalTransport
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost

#: what fal-client may raise, and what it is for us
TRANSLATIONS: dict[
    type[Exception], Callable[[Any], ConnectFailed | ResponseLost | HttpErrorStatus]
] = {
    FalClientHTTPError: lambda error: HttpErrorStatus(error.response),
    FalClientTimeoutError: lambda error: ResponseLost(str(error)),
    FalClientError: lambda error: ResponseLost(str(error)),
    MissingCredentialsError: lambda error: ConnectFailed(str(error)),
    RealtimeError: lambda error: ResponseLost(str(error)),
}


class FalClient(fal_client.AsyncClient):
    """`fal_client.AsyncClient` that sends nothing twice. Use it in one event loop, then close it."""

    def __init__(self, key: str, base_url: str | None = None) -> None:
        super().__init__(key=key)
        self._transport = FalTransport(base_url)

    @cached_property(asyncio.Lock)
    async def _client(self) -> httpx.AsyncClient:
        credentials = await self._auth
        return httpx.AsyncClient(
            transport=self._transport,
            headers={"Authorization": credentials.header_value, "User-Agent": USER_AGENT},
            trust_env=False,
        )

    async def fetch(self, url: str, **query: Any) -> httpx.Response:
        """GET an address of fal's. Raises as `send`."""
        return await self.send("GET", url, params=query or None)

    async def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """
        Call an endpoint of fal that its client library lacks, with our key unless `headers` have another.

        Raises:
            ConnectFailed, ResponseLost, HttpErrorStatus: The request did not succeed.
        """
        response = await (await self._client).request(method, url, **options)
        if not response.is_success:
            raise HttpErrorStatus(response)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


@contextmanager
def translated() -> Iterator[None]:
    """
    fal-client's errors as ours.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: Instead of whatever it raised.
    """
    try:
        yield
    except tuple(TRANSLATIONS) as error:
        kind = next(kind for kind in TRANSLATIONS if isinstance(error, kind))
        raise TRANSLATIONS[kind](error) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ResponseLost(f"fal's response does not match its schema: {error!r}") from error
