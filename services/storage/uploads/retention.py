"""Upload retention: deletes uploads that no job names, some days after their last use."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.queries.uploads import FindNamedUploads
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.kv import KeyValue, KvEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.queries import RemoteProblem
from services.storage.stores import ObjectStore
from services.storage.uploads.uploads import key_of

log = structlog.get_logger()

_BATCH_SIZE = 500  #: uploads of one query to status
_TIMEOUT = 10.0  #: seconds status has to reply
_DAY = 86_400.0  #: seconds

FindNamed = Callable[[str, list[str]], Awaitable[set[str]]]


class UploadSweeper:
    """
    Removes uploads that nothing names.

    An upload's entry is written when it is used, so the compare-and-set that removes it fails if a job is
    about to name it. Each copy has a key of its own: a late removal never deletes the next copy.

    Args:
        keep: Days since the last use.
    """

    def __init__(
        self, bucket: KeyValue, store: ObjectStore, find_named: FindNamed, *, keep: float
    ) -> None:
        self._bucket = bucket
        self._store = store
        self._find_named = find_named
        self._keep = keep * _DAY

    async def sweep(self) -> int:
        """Remove uploads that are too old. Returns how many were removed; raises Unavailable."""
        old: dict[str, dict[str, KvEntry]] = {}
        for name, entry in (await self._bucket.matching(">")).items():
            project, _, sha256 = name.partition(".")
            if "removing" in entry.value:
                await self._finish(name, entry.value["removing"], entry.revision)
            elif "media_type" in entry.value and await self._is_old(name, entry):
                old.setdefault(project, {})[sha256] = entry
        return sum(
            [await self._sweep_project(project, entries) for project, entries in old.items()]
        )

    async def _is_old(self, name: str, entry: KvEntry) -> bool:
        """Whether an upload is unused for too long; an entry without a time begins now."""
        used = entry.value.get("used")
        if used is None:
            await self._write(name, {**entry.value, "used": time.time()}, entry.revision)
            return False
        return bool(time.time() - used > self._keep)

    async def _sweep_project(self, project: str, entries: dict[str, KvEntry]) -> int:
        removed = 0
        for part in _parts(entries):
            named = await self._find_named(project, part)
            for sha256 in part:
                if sha256 not in named:
                    removed += await self._remove(project, sha256, entries[sha256])
        if removed:
            log.info("Uploads removed", project=project, uploads=removed)
        return removed

    async def _remove(self, project: str, sha256: str, entry: KvEntry) -> bool:
        name, key = f"{project}.{sha256}", key_of(project, sha256, entry.value)
        revision = await self._write(name, {"removing": key}, entry.revision)
        if revision is None:
            return False
        await self._finish(name, key, revision)
        return True

    async def _finish(self, name: str, key: str, revision: int) -> None:
        await self._store.delete(key)
        await self._bucket.forget(name, revision)

    async def _write(self, name: str, value: dict[str, object], seen: int) -> int | None:
        try:
            return await self._bucket.write(name, value, seen)
        except (Conflict, QueueFull):  # it is in use just now; a full bucket has to wait
            return None


def _parts(names: Iterable[str]) -> Iterable[list[str]]:
    every = list(names)
    return (every[start : start + _BATCH_SIZE] for start in range(0, len(every), _BATCH_SIZE))


async def find_named(request: RequestReply, project: str, uploads: list[str]) -> set[str]:
    """The uploads that kept jobs name. Raises Unavailable."""
    query = FindNamedUploads(project=project, uploads=uploads)
    try:
        return set((await request(query, timeout=_TIMEOUT)).uploads)
    except RemoteProblem as error:
        raise Unavailable("status does not answer which uploads are in use") from error


async def sweep_forever(bus: NatsBus, sweeper: UploadSweeper, *, every: float) -> None:
    """Sweep under a lease, every so often."""
    while True:
        async with bus.leases.acquired("uploads") as lost:
            while not lost.is_set():
                await sweeper.sweep()
                await asyncio.sleep(every)
