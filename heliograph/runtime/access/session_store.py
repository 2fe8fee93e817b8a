"""Store of sessions: they begin and end by compare-and-set in the bucket `sessions`."""

import secrets
from contextlib import suppress

from heliograph.contracts.errors import QueueFull, StateConflict
from heliograph.contracts.sessions import SessionRecord
from heliograph.contracts.token_digests import digest_of
from heliograph.runtime.access.session_cache import BUCKET, SessionCache
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue

MAX_PER_HOLDER = 100  #: sessions of one key, or of one person

_BYTES = 32  #: of randomness in a token


class SessionStore:
    """Begins and ends sessions. Every method raises Unavailable."""

    def __init__(self, jetstream: JetStream, sessions: SessionCache) -> None:
        self._bucket = KeyValue(jetstream, BUCKET)
        self._sessions = sessions

    async def begin(self, record: SessionRecord) -> str:
        """
        Begin a session. Returns its token, of which only the digest is kept.

        Raises:
            StateConflict: The key or the person already has a hundred sessions; end one of them.
            QueueFull: The bucket of sessions is full.
        """
        if self._sessions.count(record) >= MAX_PER_HOLDER:
            raise StateConflict(f"there are {MAX_PER_HOLDER} sessions of it; sign out of one")
        token = secrets.token_urlsafe(_BYTES)
        digest = digest_of(token)
        revision = await self._bucket.write(digest, record.model_dump(mode="json"), 0)
        self._sessions.note(digest, record, revision)
        return token

    async def end(self, token: str) -> None:
        """End a session, in all processes within moments. One that is over stays so."""
        digest = digest_of(token)
        seen = (await self._bucket.read(digest)).revision
        if not seen:
            return
        with suppress(Conflict, QueueFull):  # another process was first, or there is no room
            seen = await self._bucket.write(digest, {}, seen)  # which the others watch for
        self._sessions.note(digest, None, seen)
        await self._bucket.forget(digest, seen)
