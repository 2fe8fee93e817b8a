"""Output sources: the provider's URL, or our own store for inline results and uploads."""

import asyncio
from pathlib import Path

from heliograph.contracts.errors import OutputExpired
from heliograph.contracts.records import Output
from services.storage.outputs.completeness import is_whole
from services.storage.outputs.download import OutputDownloader
from services.storage.outputs.inline_results import InlineResults
from services.storage.stores import StoreUnavailable
from services.storage.uploads.uploads import Uploads

_PAUSES = (0.2, 1.0)  #: seconds before what seems cut is fetched once more


class InlineResultMissing(OutputExpired):
    """The store does not have what came inside the answer."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.job = name.partition("/")[0]  #: whose answer it came in


class Sources:
    """
    Copies outputs into files.

    Args:
        deadline: Seconds for one output that is in our own store.
    """

    def __init__(
        self,
        downloader: OutputDownloader,
        uploads: Uploads,
        inline_results: InlineResults,
        *,
        deadline: float,
    ) -> None:
        self._downloader = downloader
        self._uploads = uploads
        self.inline_results = inline_results
        self._deadline = deadline

    async def fetch(self, project: str, output: Output, target: Path, limit: int) -> None:
        """
        At most `limit` bytes of an output.

        Raises:
            JobError: It cannot be had: gone, refused, too large.
            Unavailable: Our own store does not give it out for now.
        """
        if output.url:
            await self._fetch(output.url, target, limit)
            return
        try:
            async with asyncio.timeout(self._deadline):
                is_there = await self._get(project, output, target, limit)
        except TimeoutError:
            raise StoreUnavailable("the store is too slow") from None
        if not is_there and output.inline:
            raise InlineResultMissing(output.inline)
        if not is_there:
            raise OutputExpired("the object store no longer has the inline output")

    async def _fetch(self, url: str, target: Path, limit: int) -> None:
        """A body may end early without anybody saying so: what seems cut is fetched again."""
        for pause in (*_PAUSES, None):
            await self._downloader.download(url, target, limit=limit)
            if pause is None or await asyncio.to_thread(is_whole, target):
                return
            await asyncio.sleep(pause)

    async def _get(self, project: str, output: Output, target: Path, limit: int) -> bool:
        if output.inline:
            return await self.inline_results.get(project, output.inline, target, limit=limit)
        sha256 = (output.upload or "").removeprefix("sha256:")
        return await self._uploads.get(project, sha256, target, limit=limit)
