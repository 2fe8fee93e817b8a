"""
Inline results: outputs that came inside a provider's response, and have no address of their own.

Render puts them here before it writes `rendered`. They belong to their job: they are not uploads and cannot
be references. Storing the job moves them to its assets, pruning it removes them.
"""

from pathlib import Path

from heliograph.contracts.errors import (
    BodyTooLarge,
    ValidationFailed,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.object_keys import inline_folder, inline_key
from heliograph.runtime.bus import EventLog
from services.storage.content import Content
from services.storage.stores import ObjectStore

MAX_RESULTS = 64  #: of one job

_MEDIA_TYPE = "application/octet-stream"  #: what they are is found out when they are stored


class InlineResults:
    """Inline results, under `inline/<job>/`, named by digest."""

    def __init__(self, events: EventLog, store: ObjectStore) -> None:
        self._events = events
        self._store = store

    async def check(self, project: str, job: str, sha256: str) -> None:
        """
        Raises:
            ValidationFailed: The job does not exist in the project, or was pruned.
            BodyTooLarge: The job has too many inline outputs.
        """
        entry = await self._events.job(job)
        if entry is None or entry.record.project != project or entry.record.pruned_at:
            raise ValidationFailed(f"the project has no job {job} that is kept")
        others = set(await self._store.keys(inline_folder(project, job)))
        if len(others - {inline_key(project, job, sha256)}) >= MAX_RESULTS:
            raise BodyTooLarge(f"at most {MAX_RESULTS} results of one job")

    async def keep(self, project: str, job: str, content: Content) -> None:
        """
        Raises Unavailable: upload it again later.

        One that is uploaded again after its job succeeded is an asset already, and is not kept: a restarted
        render does not know that the response is stored.
        """
        key = inline_key(project, job, content.sha256)
        await self._store.put(key, content, _MEDIA_TYPE)
        entry = await self._events.job(job)  # after the put: success removes what is there by then
        if entry and entry.record.step is Step.SUCCEEDED:
            await self._store.delete(key)

    async def get(self, project: str, name: str, target: Path, *, limit: int) -> bool:
        """
        Copy a result into a file by its name in an `Output`. False: it is not there.

        Raises:
            OutputTooLarge, StoreUnavailable: The same errors as `ObjectStore.get`.
        """
        job, _, sha256 = name.partition("/")
        return await self._store.get(inline_key(project, job, sha256), target, limit=limit)

    async def remove(self, project: str, job: str) -> None:
        """Remove all inline outputs of a job. Raises StoreUnavailable."""
        for key in await self._store.keys(inline_folder(project, job)):
            await self._store.delete(key)
