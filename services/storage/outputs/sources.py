"""Output sources: the provider's URL, or our own store for inline results and uploads."""

import asyncio
from pathlib import Path

from heliograph.contracts.errors import OutputExpired
from heliograph.contracts.outputs import Output
from services.storage.content import Body, off_loop
from services.storage.outputs.completeness import begins_as_json, is_whole
from services.storage.outputs.download import OutputDownloader
from services.storage.outputs.inline_results import InlineResults
from services.storage.stores import StoreUnavailable
from services.storage.uploads.uploads import Uploads

_PAUSES = (0.2, 1.0)  #: seconds before what seems cut is fetched once more


class InlineResultMissing(OutputExpired):
    """The store does not have what came inside the response."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.job = name.partition("/")[0]  #: whose response it came in


class Sources:
    """
    Fetches outputs.

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

    async def fetch(
        self, project: str, output: Output, target: Path, *, limit: int, in_memory: int
    ) -> Body:
        """
        At most `limit` bytes of an output, in the file `target` if they are more than `in_memory`.

        Raises:
            JobError: The output cannot be downloaded: deleted, refused or too large.
            Unavailable: Our own store does not return the object at the moment.
        """
        if output.url:
            return await self._fetch(output.url, target, limit, in_memory)
        target.parent.mkdir(exist_ok=True)
        try:
            async with asyncio.timeout(self._deadline):
                is_there = await self._get(project, output, target, limit)
        except TimeoutError:
            raise StoreUnavailable("the store is too slow") from None
        if not is_there and output.inline:
            raise InlineResultMissing(output.inline)
        if not is_there:
            raise OutputExpired("the object store no longer has the inline output")
        return target

    async def _fetch(self, url: str, target: Path, limit: int, in_memory: int) -> Body:
        """A body may be truncated without an error: what seems truncated is downloaded again."""
        for pause in _PAUSES:
            body = await self._downloader.download(url, target, limit=limit, in_memory=in_memory)
            if not begins_as_json(body) or await off_loop(is_whole, body):
                return body
            await asyncio.sleep(pause)
        return await self._downloader.download(url, target, limit=limit, in_memory=in_memory)

    async def _get(self, project: str, output: Output, target: Path, limit: int) -> bool:
        if output.inline:
            return await self.inline_results.get(project, output.inline, target, limit=limit)
        sha256 = (output.upload or "").removeprefix("sha256:")
        return await self._uploads.get(project, sha256, target, limit=limit)
