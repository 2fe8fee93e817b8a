"""Cache of sessions: every process watches the bucket, so that no request waits for a look-up."""

import asyncio

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.contracts.sessions import (
    SessionRecord,
    is_open,
    principal_by_key,
    principal_by_provider,
)
from heliograph.contracts.token_digests import digest_of
from heliograph.runtime.access.key_cache import CONFIRMED_WITHIN, REREAD_TIMEOUT, KeyCache
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KvEntry
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.clock import now

BUCKET = "sessions"


class SessionCache:
    """
    Every session of the deployment, by the digest of its token.

    Once the bucket was not read for 5 s, no session counts: it may have ended meanwhile.
    """

    def __init__(self, jetstream: JetStream, keys: KeyCache) -> None:
        self._cache = KvCache(jetstream, BUCKET)
        self._keys = keys
        self.watch = self._cache.watch

    async def until_current(self) -> None:
        """Wait, for a bounded time, until sessions and keys have been read recently. Raises nothing."""
        await asyncio.gather(
            self._cache.until_confirmed(CONFIRMED_WITHIN, REREAD_TIMEOUT),
            self._keys.until_current(),
        )

    def authenticate(self, token: str) -> Principal:
        """
        The principal of a session's token. Counts as a use of the session's key.

        Raises:
            Unauthenticated: The session is unknown or has ended, or its key is not valid any more.
            Unavailable: The session cannot be checked at the moment.
        """
        principal = self.principal(digest_of(token))
        if principal.id:
            self._keys.mark_used(principal.id)
        return principal

    def principal(self, digest: str) -> Principal:
        """The principal of a session. Raises as `authenticate` does."""
        record = self.record(digest)
        if record is None or not is_open(record, now()):
            raise Unauthenticated
        if record.key is None:
            return principal_by_provider(record, digest)
        holder = self._keys.principal(record.key, record.key_digest)
        return principal_by_key(record, holder, digest)

    def record(self, digest: str) -> SessionRecord | None:
        """A session; None if it does not exist. Raises Unavailable and Unreadable."""
        entry = self._cache.cached(digest)
        if entry is None or not self._cache.is_confirmed(CONFIRMED_WITHIN):
            raise Unavailable("the sessions are not known right now", retry_after=1)
        return SessionRecord.model_validate(entry.value) if entry.value else None

    def name_of(self, principal: Principal) -> str | None:
        """The name of a principal's session or key. Raises Unavailable and Unreadable."""
        record = self.record(principal.session) if principal.session else None
        return record.name if record else self._keys.name_of(principal.id)

    def count(self, record: SessionRecord) -> int:
        """Number of known open sessions of the same key or person."""
        values = [entry.readable for entry in self._cache.known("") or ()]
        same = (record.key, record.subject)
        those = [each for each in values if (each.get("key"), each.get("subject")) == same]
        at = now()
        return sum(is_open(SessionRecord.model_validate(each), at) for each in those)

    def note(self, digest: str, record: SessionRecord | None, revision: int) -> None:
        """Update the cache with a session that this process has written; None: the session has ended."""
        value = record.model_dump(mode="json") if record else {}
        self._cache.note(digest, KvEntry(value, revision))
