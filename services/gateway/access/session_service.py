"""Sessions of browsers: signing in with a key, and signing out."""

from datetime import timedelta

from heliograph.contracts.access_keys import parse_key
from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import NotFound, Unauthenticated
from heliograph.contracts.sessions import Session, SessionRecord, session_of_key, session_view
from heliograph.contracts.token_digests import digest_of
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.access.session_cache import SessionCache
from heliograph.runtime.access.session_store import SessionStore
from heliograph.runtime.clock import now


class SessionService:
    """
    Begins, shows and ends sessions. Every method raises Unavailable.

    Args:
        life: Of a session, at most.
        is_open: Authentication is off, so sessions do not exist.
    """

    def __init__(
        self,
        keys: KeyCache,
        sessions: SessionCache,
        store: SessionStore,
        *,
        life: timedelta,
        is_open: bool,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._store = store
        self.life = life
        self._is_open = is_open

    async def sign_in(self, text: str) -> tuple[str, Session]:
        """
        The token of a new session by a key, and what it may do.

        Raises:
            Unauthenticated: The key is malformed, unknown, expired or revoked.
            NotFound: Authentication is off, so sessions do not exist.
            StateConflict, QueueFull: There are too many sessions.
        """
        self._require_keys()
        key = parse_key(text.strip())
        if key is None:
            raise Unauthenticated
        holder = self._keys.authenticate(key)
        name = self._keys.name_of(holder.id) or ""
        return await self.begin(session_of_key(holder, name, now(), self.life))

    async def begin(self, record: SessionRecord) -> tuple[str, Session]:
        """
        The token of a new session, and what it may do.

        Raises:
            NotFound: Authentication is off, so sessions do not exist.
            StateConflict, QueueFull: There are too many sessions.
        """
        self._require_keys()
        token = await self._store.begin(record)
        return token, self.view(self._sessions.principal(digest_of(token)))

    def _require_keys(self) -> None:
        """Raises NotFound."""
        if self._is_open:
            raise NotFound("sessions do not exist, as authentication is off (HELIOGRAPH_AUTH)")

    def view(self, principal: Principal) -> Session:
        """The session view of a principal, with its scopes and projects."""
        name = self._sessions.name_of(principal) if principal.session or principal.id else None
        return session_view(principal, name)

    async def end(self, token: str) -> None:
        """End a session."""
        await self._store.end(token)
