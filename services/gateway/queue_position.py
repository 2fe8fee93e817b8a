"""Queue positions of jobs, requested from render's dispatcher with a short timeout."""

from collections.abc import Sequence

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries import Query, Reply
from heliograph.contracts.queries.scheduler import GetPosition, ListPositions, Position
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

ENRICH_TIMEOUT = 0.05  #: seconds for position and progress; then they are null


async def queue_position(request: RequestReply, job: str) -> Position | None:
    """Queue position of a job; None when the dispatcher does not reply at once."""
    return await request_or_none(request, GetPosition(job=job))


async def queue_positions(request: RequestReply, jobs: Sequence[str]) -> dict[str, Position]:
    """Queue positions of several jobs, by id; none when the dispatcher does not reply at once."""
    reply = await request_or_none(request, ListPositions(jobs=list(jobs))) if jobs else None
    return reply.positions if reply else {}


async def request_or_none(
    request: RequestReply, query: Query[Reply], *, timeout: float = ENRICH_TIMEOUT
) -> Reply | None:
    """The reply of another service within so many seconds; None without one."""
    try:
        return await request(query, timeout=timeout)
    except (Unavailable, RemoteProblem):
        return None
