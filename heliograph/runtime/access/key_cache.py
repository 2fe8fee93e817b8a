"""Cache of API keys: every process watches the bucket, so that no request waits for a look-up."""

from collections.abc import Iterator
from typing import Any

from heliograph.contracts.access_keys import AccessKey
from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.contracts.key_records import KeyRecord, authenticate, principal_of
from heliograph.contracts.quotas import Quotas
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KvEntry
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.clock import now

BUCKET = "keys"
CONFIRMED_WITHIN = 5.0  #: seconds; a key that was revoked longer ago is known to be
#: seconds that a request waits for the bucket to be read, if it was not within these 5 s
REREAD_TIMEOUT = 1.0


class KeyCache:
    """
    Every API key of the deployment.

    If the bucket was not read for 5 s, all keys are refused: one may have been revoked meanwhile.
    """

    def __init__(self, jetstream: JetStream) -> None:
        self._cache = KvCache(jetstream, BUCKET)
        self.watch = self._cache.watch
        self.first_read = self._cache.first_read
        self._used: set[str] = set()

    async def until_current(self) -> None:
        """Wait, for a bounded time, until the keys have been read recently. Raises nothing."""
        await self._cache.until_confirmed(CONFIRMED_WITHIN, REREAD_TIMEOUT)

    def authenticate(self, key: AccessKey) -> Principal:
        """
        The holder of a key.

        Raises:
            Unauthenticated: The key is unknown, revoked or expired, or its secret is wrong.
            Unavailable: The keys have not been read recently.
        """
        record = self._record(key.id)
        principal = record and authenticate(record, key, now())
        if not principal:
            raise Unauthenticated
        self.mark_used(key.id)
        return principal

    def mark_used(self, id_: str) -> None:
        """A key was used just now."""
        self._used.add(id_)

    def principal(self, id_: str, digest: str | None = None) -> Principal:
        """
        The holder of a key that was recognized before, by its digest then. Raises as `authenticate`
        does.
        """
        record = self._record(id_)
        principal = record and principal_of(record, id_, now(), digest)
        if not principal:
            raise Unauthenticated
        return principal

    def quotas(self, id_: str) -> Quotas | None:
        """Quotas of a key; None for one that is not there. Raises Unavailable."""
        record = self._record(id_)
        return record.quotas if record else None

    def note(self, id_: str, record: KeyRecord, revision: int) -> None:
        """Update the cache with an entry that this process has written."""
        self._cache.note(id_, KvEntry(record.model_dump(mode="json"), revision))

    def name_of(self, id_: str) -> str | None:
        """The name of a key; None for one that is unknown. Raises Unavailable."""
        record = self._record(id_)
        return record.name if record else None

    def text_of(self, id_: str) -> str | None:
        """The text of a key that is kept with it; None for all others. Raises Unavailable."""
        record = self._record(id_)
        return record.text if record else None

    def every(self) -> dict[str, KeyRecord]:
        """All known keys by id."""
        values = {id_: entry.readable for id_, entry in self._cache.every().items()}
        return {id_: KeyRecord.model_validate(value) for id_, value in values.items() if value}

    def take_used(self) -> Iterator[tuple[str, KeyRecord]]:
        """Keys that were used since the last call, with what is known of them."""
        used, self._used = self._used, set()
        for id_ in used:
            if record := self._record(id_):
                yield id_, record

    def _record(self, id_: str) -> KeyRecord | None:
        """Raises Unavailable and Unreadable."""
        entry = self._cache.cached(id_)
        if entry is None or not self._cache.is_confirmed(CONFIRMED_WITHIN):
            raise Unavailable("the keys are not known right now", retry_after=1)
        return entry.parsed(_key_record)


def _key_record(value: dict[str, Any]) -> KeyRecord | None:
    return KeyRecord.model_validate(value) if value else None
