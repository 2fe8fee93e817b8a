"""Uploads outputs that came inside a response to storage, for their job."""

from collections.abc import Callable
from typing import Protocol

import httpx

from heliograph.contracts.errors import OutputRefused, OutputTooLarge, Unavailable
from heliograph.runtime.fetching.certificates import ssl_context

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class OutputReceiver(Protocol):
    """Port to storage's upload of inline outputs."""

    async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
        """
        Upload an inline output. Idempotent.

        Raises:
            OutputRefused, OutputTooLarge: Storage never takes it.
            Unavailable: Storage does not accept the upload at the moment.
        """


class OutputUploader:
    """
    `OutputReceiver` of the storage service at `storage_url`.

    Args:
        credentials: Headers by which storage recognizes a service. Raises Unavailable.
    """

    def __init__(
        self, storage_url: str, credentials: Callable[[], dict[str, str]] = dict[str, str]
    ) -> None:
        self._credentials = credentials
        self._http = httpx.AsyncClient(
            base_url=storage_url, timeout=_TIMEOUT, verify=ssl_context(), trust_env=False
        )

    async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
        """Only storage's errors about the content itself are final; all others are transient."""
        path = f"/v1/projects/{project}/inline/{job}/sha256/{sha256}"
        try:
            response = await self._http.put(path, content=content, headers=self._credentials())
        except httpx.HTTPError as error:
            raise Unavailable(f"storage does not answer: {type(error).__name__}") from error
        if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            raise OutputTooLarge(f"storage does not take {len(content)} bytes")
        if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise OutputRefused("storage refused the output")
        if not response.is_success:
            raise Unavailable(f"storage answered {response.status_code} to an output")

    async def aclose(self) -> None:
        await self._http.aclose()
