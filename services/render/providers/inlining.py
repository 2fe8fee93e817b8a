"""Inline results: outputs that came inside an answer are brought to storage, for their job."""

import asyncio
import hashlib

import httpx

from heliograph.contracts.errors import OutputRefused
from heliograph.contracts.records import Output

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_PAUSE = 0.5  #: seconds between tries


class UploadDoor:
    """Storage's door, at `storage_url`. Bringing the same twice is bringing it once."""

    def __init__(self, storage_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=storage_url, timeout=_TIMEOUT, trust_env=False)

    async def bring(self, project: str, job: str, content: bytes) -> Output:
        """
        Leave one output there. It is paid for and nobody else has it, so this tries until it is in;
        the caller bounds the time.

        Raises:
            OutputRefused: Storage does not keep such files.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"/v1/projects/{project}/inline/{job}/sha256/{sha256}"
        while True:
            try:
                answer = await self._http.put(path, content=content)
            except httpx.TransportError:
                await asyncio.sleep(_PAUSE)
                continue
            if answer.is_success:
                return Output(inline=f"{job}/{sha256}")
            if answer.is_client_error:
                raise OutputRefused(f"storage answered {answer.status_code} to the output")
            await asyncio.sleep(_PAUSE)

    async def aclose(self) -> None:
        await self._http.aclose()
