"""Last use of API keys: noted to the hour, at most once an hour and key; a note may be lost."""

import asyncio
from contextlib import suppress

from heliograph.contracts.errors import QueueFull
from heliograph.contracts.key_records import KeyRecord, used
from heliograph.runtime.access.key_cache import BUCKET, KeyCache
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now

_INTERVAL = 60.0  #: seconds between two looks at what was used


async def note_uses_forever(jetstream: JetStream, keys: KeyCache) -> None:
    """Note what this process lets in. Raises Unavailable."""
    bucket = KeyValue(jetstream, BUCKET)
    while True:
        await asyncio.sleep(_INTERVAL)
        for id_, record in list(keys.take_used()):
            if used(record, now()).last_used_at != record.last_used_at:
                await note_use(bucket, id_)


async def note_use(bucket: KeyValue, id_: str) -> None:
    """Note that a key is used now. Raises Unavailable."""
    entry = await bucket.read(id_)
    if not entry.value:
        return
    record = used(KeyRecord.model_validate(entry.value), now())
    with suppress(Conflict, QueueFull):  # another process was first, or there is no room
        await bucket.write(id_, record.model_dump(mode="json"), entry.revision)
