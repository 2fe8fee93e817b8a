"""Store of API keys: they are created, rotated and revoked by compare-and-set in the bucket `keys`."""

from collections.abc import Callable
from datetime import timedelta

from heliograph.contracts.access_keys import KEY_ID_PATTERN, AccessKey, new_key
from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import NotFound
from heliograph.contracts.ids import matches
from heliograph.contracts.key_records import (
    OVERLAP,
    ChangeKey,
    CreateKey,
    KeyRecord,
    changed,
    issue,
    revoked,
    rotated,
)
from heliograph.runtime.access.key_cache import BUCKET
from heliograph.runtime.access.service_key import SERVICE_KEY
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now

Note = Callable[[str, KeyRecord, int], None]


class KeyStore:
    """
    Every API key, by id. Every method raises Unavailable; those that write raise QueueFull.

    Args:
        note: Called with each written key: id, record and revision.
    """

    def __init__(self, jetstream: JetStream, note: Note = lambda *_: None) -> None:
        self._bucket = KeyValue(jetstream, BUCKET)
        self._note = note

    async def create(self, request: CreateKey, parent: Principal) -> tuple[AccessKey, KeyRecord]:
        """A new key. Raises KeyExceedsParent."""
        key = new_key()
        own = await self.find(parent.id) if parent.id else None
        record = issue(request, key, parent, now(), own=own)
        await self._write(key.id, record, 0)
        return key, record

    async def every(self) -> dict[str, KeyRecord]:
        """All keys by id, including revoked ones."""
        entries = await self._bucket.matching("*")
        values = {id_: entry.readable for id_, entry in entries.items() if id_ != SERVICE_KEY}
        return {id_: KeyRecord.model_validate(value) for id_, value in values.items() if value}

    async def find(self, id_: str) -> KeyRecord:
        """The record of a key. Raises NotFound."""
        return (await self._read(id_))[0]

    @retry_on_conflict
    async def revoke(self, id_: str) -> KeyRecord:
        """Revoke a key. Raises NotFound."""
        record, revision = await self._read(id_)
        after = revoked(record, now())
        if after is not record:
            await self._write(id_, after, revision)
        return after

    @retry_on_conflict
    async def rotate(
        self, id_: str, *, overlap: timedelta = OVERLAP
    ) -> tuple[AccessKey, KeyRecord]:
        """
        A new secret for a key; the old one works for `overlap` more.

        Raises:
            NotFound: The key does not exist.
            StateConflict: The key is revoked or expired.
        """
        record, revision = await self._read(id_)
        key = new_key(id_)
        after = rotated(record, key, now(), overlap)
        await self._write(id_, after, revision)
        return key, after

    @retry_on_conflict
    async def change(self, id_: str, change: ChangeKey) -> KeyRecord:
        """
        Change the quotas of a key.

        Raises:
            NotFound: The key does not exist.
            StateConflict: The key is revoked or expired.
        """
        record, revision = await self._read(id_)
        after = changed(record, change, now())
        await self._write(id_, after, revision)
        return after

    async def _write(self, id_: str, record: KeyRecord, seen: int) -> None:
        revision = await self._bucket.write(id_, record.model_dump(mode="json"), seen)
        self._note(id_, record, revision)

    async def _read(self, id_: str) -> tuple[KeyRecord, int]:
        is_id = matches(KEY_ID_PATTERN, id_) and id_ != SERVICE_KEY
        entry = await self._bucket.read(id_) if is_id else None
        if not entry or not entry.value:
            raise NotFound(f"there is no key {id_}")
        return KeyRecord.model_validate(entry.value), entry.revision
