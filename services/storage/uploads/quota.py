"""Upload quota: the number and the total size of files per project."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.kv_cache import KvCache
from services.storage.settings import StorageSettings

_TIMEOUT = 20.0  #: seconds a body waits for its turn
_RETRY_AFTER = 3600.0  #: seconds until a project that is full may have room again


class UploadQuota:
    """Counts the known uploads, with a short delay: simultaneous uploads may exceed the bound a little."""

    def __init__(self, uploads: KvCache, settings: StorageSettings) -> None:
        self._uploads = uploads
        self._most = settings.uploads_per_project
        self._most_bytes = settings.uploads_max_bytes
        self._receiving = asyncio.Semaphore(settings.uploads_at_once)

    def check(self, project: str, size: int) -> None:
        """
        Raises:
            QueueFull: The uploads of the project exceed their number or size limit.
            Unavailable: The usage of the project is not known yet.
        """
        known = self._uploads.known(f"{project}.")
        if known is None:
            raise Unavailable("uploads are not known yet", retry_after=1)
        sizes = [entry.value["bytes"] for entry in known if "bytes" in entry.value]
        if len(sizes) >= self._most:
            raise QueueFull(f"{project} has {self._most} uploads", retry_after=_RETRY_AFTER)
        if sum(sizes) + size > self._most_bytes:
            reason = f"the uploads of {project} would have more than {self._most_bytes} bytes"
            raise QueueFull(reason, retry_after=_RETRY_AFTER)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn to be received. Raises Unavailable when too many are ahead."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._receiving.acquire()
        except TimeoutError:
            raise Unavailable("too many uploads at once", retry_after=5) from None
        try:
            yield
        finally:
            self._receiving.release()
