"""Wait reasons: why a job in a lane's queue does not run yet, as programs and people read it. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from heliograph.contracts.queries.scheduler import WaitingJob, WaitReason
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.eta import eta
from services.render.scheduler.lane_state import LaneScheduler, blocking_reason

_UNSEEN = AccountUsage({}, None)  #: of a job that has its permit reserved
Pending = Callable[[str], Sequence[str]]  #: for which jobs a job still waits


class Reason(NamedTuple):
    """Why a job waits."""

    code: WaitReason
    detail: str


def blocking_condition(
    lane: LaneScheduler, ticket: Ticket, usage: AccountUsage, at: datetime
) -> Reason | None:
    """Reason why a job waits besides its queue position."""
    if lane.limit.paused:
        return Reason("lane_paused", f"lane {lane.name} is paused")
    detail = blocking_reason(ticket.account, usage, ticket.job, at)
    if detail is None:
        return None
    is_open = bool(usage.breaker and not usage.breaker.admits(ticket.job, at))
    return Reason("breaker_open" if is_open else "account_full", detail)


def queue_reason(lane: LaneScheduler, position: int) -> Reason:
    """A job that only waits for its turn."""
    cap, before = lane.limit.cap, position - 1
    ahead = f"; {before} before it" if before else ""
    if lane.in_use >= cap:
        return Reason("lane_full", f"lane {lane.name} is full: {lane.in_use} of {cap}{ahead}")
    return Reason("turn", f"{before} before it" if before else "it is the next to start")


def next_jobs(
    lane: LaneScheduler,
    usage: Mapping[str, AccountUsage],
    seconds: float,
    at: datetime,
    limit: int,
) -> Iterator[WaitingJob]:
    """The jobs that have their turn next. `seconds` is what a job of the lane takes."""
    seen: Counter[str] = Counter()
    for position, (ticket, since) in enumerate(islice(lane.upcoming(), limit), start=1):
        account_usage = usage.get(ticket.account, _UNSEEN)
        blocked = blocking_condition(lane, ticket, account_usage, at)
        reason = blocked or queue_reason(lane, position)
        wait = None if blocked else eta(position, lane.in_use, lane.limit.cap, seconds)
        own = seen[ticket.project]
        seen[ticket.project] += 1
        yield _waiting(ticket, since, reason, position, own, wait)


def ineligible_jobs(lane: LaneScheduler, pending: Pending, limit: int) -> Iterator[WaitingJob]:
    """Jobs that have no turn yet."""
    for waiting in lane.queue.not_yet_eligible()[:limit]:
        ticket = waiting.ticket
        if lane.queue.has_open_dependencies(ticket.job):
            reason = Reason("dependencies", f"waits for {', '.join(pending(ticket.job))}")
        else:
            reason = Reason("delayed", f"is tried again at {ticket.not_before:%H:%M:%S} UTC")
        yield _waiting(ticket, waiting.since, reason)


def _waiting(
    ticket: Ticket,
    since: datetime | None,
    reason: Reason,
    position: int | None = None,
    own: int | None = None,
    wait: float | None = None,
) -> WaitingJob:
    return WaitingJob(
        job=ticket.job,
        project=ticket.project,
        priority=ticket.priority,
        account=ticket.account,
        waiting_since=since,
        not_before=ticket.not_before,
        position=position,
        before_in_project=own,
        eta_seconds=wait,
        reason=reason.code,
        detail=reason.detail,
    )
