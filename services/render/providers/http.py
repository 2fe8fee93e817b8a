"""HTTP client of providers: every request is sent once, and every response is bounded."""

from collections.abc import Mapping
from typing import Any

import httpx

from services.render.providers.http_errors import HttpErrorStatus
from services.render.providers.no_retry_transport import MAX_RESPONSE, NoRetryTransport


class ProviderHttp:
    """
    HTTP client of one service, with our credentials in `headers`. Use it in one event loop.

    Args:
        base_url: Where the service is; paths are appended to its own.
        read: Seconds of silence before a request counts as unanswered.
        max_response: Bytes of the largest response.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        read: float,
        max_response: int = MAX_RESPONSE,
    ) -> None:
        transport = NoRetryTransport(base_url, read=read, max_response=max_response)
        self._http = httpx.AsyncClient(
            transport=transport, base_url=base_url, headers=dict(headers), trust_env=False
        )

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """
        The response, if its status is a success.

        Raises:
            ConnectFailed, ResponseLost, HttpErrorStatus: The request did not succeed.
        """
        response = await self._http.request(method, path, **options)
        if not response.is_success:
            raise HttpErrorStatus(response)
        return response

    async def aclose(self) -> None:
        await self._http.aclose()
