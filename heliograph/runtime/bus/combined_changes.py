"""
Combined changes of key-value entries: what comes while an entry is being written is written together.

The tasks of one process that changed an entry each by itself would only make each other's compare fail.
The remembered entry is tried first: the compare tells whether it is current.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus.conflicts import Conflict, retry_on_conflict
from heliograph.runtime.bus.kv import KvEntry
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.own_error import own_error

#: of a value, pure; None: the value stays
Change = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, eq=False)
class _Waiting:
    apply: Change
    is_applied: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class CombinedChanges:
    """Changes of the entries of a bucket by one process."""

    def __init__(self, cache: KvCache) -> None:
        self._cache = cache
        self._waiting: dict[str, list[_Waiting]] = {}  #: of the keys that are being written
        self._writing: dict[str, asyncio.Task[None]] = {}

    async def change(self, key: str, apply: Change) -> bool:
        """
        Apply a pure change, retrying on conflicts. Returns False if it returns None.

        Raises:
            Unavailable: It may or may not be written.
            Unreadable: The entry cannot be read, and is left as it is.
        """
        waiting = _Waiting(apply)
        if key in self._waiting:
            self._waiting[key].append(waiting)
        else:
            self._waiting[key] = [waiting]
            self._writing[key] = asyncio.create_task(self._write_all(key), name="combined changes")
        return await waiting.is_applied

    async def _write_all(self, key: str) -> None:
        group: list[_Waiting] = []
        try:
            while group := self._waiting[key]:
                self._waiting[key] = []
                await self._resolve(key, group)
        finally:
            for each in [*group, *self._waiting.pop(key)]:
                each.is_applied.cancel()
            del self._writing[key]

    async def _resolve(self, key: str, group: Sequence[_Waiting]) -> None:
        try:
            applied = await self._apply(key, group)
        except Exception as error:  # noqa: BLE001  # it is raised where the change was asked for
            for each in group:
                if not each.is_applied.done():
                    each.is_applied.set_exception(own_error(error))
            return
        for each, is_applied in zip(group, applied, strict=True):
            if not each.is_applied.done():
                each.is_applied.set_result(is_applied)

    async def _apply(self, key: str, group: Sequence[_Waiting]) -> list[bool]:
        """Which changes were applied, by an entry that stood so when it was compared, or read."""
        if known := self._cache.cached(key):
            with suppress(Conflict, Unreadable):
                value, applied = _applied(known, group)
                if value != known.value:
                    await self._cache.write(key, value, known.revision)
                    return applied
        return await self._apply_to_read(key, group)

    @retry_on_conflict
    async def _apply_to_read(self, key: str, group: Sequence[_Waiting]) -> list[bool]:
        entry = await self._cache.bucket.read(key)
        self._cache.note(key, entry)
        value, applied = _applied(entry, group)
        if value != entry.value:
            await self._cache.write(key, value, entry.revision)
        return applied


def _applied(entry: KvEntry, group: Sequence[_Waiting]) -> tuple[dict[str, Any], list[bool]]:
    """The value after all changes, and which of them were applied."""
    value, applied = entry.value, []
    for each in group:
        changed = each.apply(value)
        applied.append(changed is not None)
        value = value if changed is None else changed
    return value, applied
