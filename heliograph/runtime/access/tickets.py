"""Store of tickets: issued by the gateway, redeemed once by any status process."""

import secrets
from collections.abc import Callable
from datetime import timedelta

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import NotFound, Unauthenticated
from heliograph.contracts.tickets import TICKET_LIFE, LiveTicket, TicketEntry, TicketRequest
from heliograph.contracts.token_digests import digest_of
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now

_PREFIX = "hg_ticket_"
_BYTES = 32  #: of randomness


class TicketStore:
    """
    Tickets in the bucket `tickets`, by the SHA-256 of their text. Every method raises Unavailable.

    Args:
        confirm: `AccessCheck.confirm`: whether the holder of a ticket still may go on.
    """

    def __init__(self, jetstream: JetStream, confirm: Callable[[Principal], None]) -> None:
        self._bucket = KeyValue(jetstream, "tickets")
        self._confirm = confirm

    async def issue(self, project: str, request: TicketRequest, holder: Principal) -> LiveTicket:
        """
        A ticket for a project, and for no more jobs than its holder may see.

        Raises:
            NotFound: The holder may not see one of the jobs.
            QueueFull: The bucket of tickets is full; try again later.
        """
        jobs = request.jobs or (sorted(holder.jobs) if holder.jobs is not None else None)
        if unseen := next((job for job in jobs or () if not holder.sees_job(job)), None):
            raise NotFound(f"there is no job {unseen}")
        text, end = _PREFIX + secrets.token_urlsafe(_BYTES), now() + timedelta(seconds=TICKET_LIFE)
        entry = TicketEntry(
            key=holder.id,
            key_digest=holder.key_digest,
            holder_expires_at=holder.expires_at,
            project=project,
            jobs=jobs,
            origin=request.origin,
            user=holder.user,
            hears_of_budgets=jobs is None and holder.has_scope("usage:read"),
            session=holder.session,
            expires_at=end,
        )
        await self._bucket.write(digest_of(text), entry.model_dump(mode="json"), 0)
        return LiveTicket(ticket=text, expires_at=end)

    async def redeem(self, text: str, origin: str | None) -> Principal:
        """
        The principal of a ticket, which works once, as long as the key or session that it was made with does.

        Raises:
            Unauthenticated: The ticket is unknown, used or expired, or for pages of another origin.
        """
        stored = await self._bucket.read(digest_of(text))
        if not stored.value:
            raise Unauthenticated
        entry = TicketEntry.model_validate(stored.value)
        if entry.is_used or now() >= entry.expires_at or entry.origin not in (None, origin):
            raise Unauthenticated
        spent = entry.model_copy(update={"is_used": True})
        try:
            await self._bucket.write(
                digest_of(text), spent.model_dump(mode="json"), stored.revision
            )
        except Conflict:
            raise Unauthenticated from None
        principal = _principal_of(entry)
        self._confirm(principal)
        return principal


def _principal_of(entry: TicketEntry) -> Principal:
    further = {"usage:read"} if entry.hears_of_budgets else set()
    return Principal(
        id=entry.key,
        scopes=frozenset({"jobs:read", *further}),
        projects=frozenset({entry.project}),
        jobs=None if entry.jobs is None else frozenset(entry.jobs),
        user=entry.user,
        expires_at=entry.holder_expires_at,
        session=entry.session,
        key_digest=entry.key_digest,
    )
