"""Purged events per project: a client that resumes from before them has to start over."""

import zlib
from typing import Any

from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue

_SHARDS = 256  #: projects share entries, so that the bucket never grows


class Purges:
    """The bucket `purges`: key `<shard>`, value `{sequence}`. Every method raises Unavailable."""

    def __init__(self, jetstream: JetStream) -> None:
        self._bucket = KeyValue(jetstream, "purges")

    async def note(self, project: str, sequence: int) -> None:
        """Note that events of a project up to a sequence may be purged. Call it before purging."""

        def later(value: dict[str, Any]) -> dict[str, Any]:
            return {"sequence": max(sequence, value.get("sequence", 0))}

        await self._bucket.change(_shard(project), later)

    async def newest(self, project: str) -> int:
        """Upper bound of the sequences of a project's removed events; 0: none was removed."""
        entry = await self._bucket.read(_shard(project))
        return int(entry.value.get("sequence", 0))


def _shard(project: str) -> str:
    return str(zlib.crc32(project.encode()) % _SHARDS)
