"""Forecasts: where jobs would stand in a lane if they were put into its queue now."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from heliograph.contracts.queries.scheduler import NewJob, Position
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.eta import eta
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.round_robin import QueuedJob
from services.render.scheduler.wait_reasons import blocking_condition

_LAST = 2**62  #: a sequence after that of every message
_COUNTED = 1_000  #: turns of a lane; those further back are not forecast


def forecast(
    lane: LaneScheduler,
    jobs: Sequence[NewJob],
    usage: Mapping[str, AccountUsage],
    seconds: float,
    at: datetime,
) -> list[Position]:
    """
    The position of each of some jobs of a lane, were they enqueued in this order.

    Args:
        usage: Usage of the accounts of the jobs.
        seconds: What a job of the lane takes.
    """
    tickets = [
        Ticket(f"new {number}", job.project, lane.name, job.priority, job.account)
        for number, job in enumerate(jobs)
    ]
    turns = _turns(lane, tickets, at)
    return [
        _position(lane, ticket, turns.get(ticket.job), usage[ticket.account], seconds, at)
        for ticket in tickets
    ]


def _turns(lane: LaneScheduler, tickets: Sequence[Ticket], at: datetime) -> dict[str, int]:
    """Turns by job, with the jobs in the queue for a moment in which nothing else happens."""
    for number, ticket in enumerate(tickets):
        lane.queue.add(QueuedJob(_LAST + number, ticket, at), at)
    try:
        upcoming = enumerate(islice(lane.upcoming(), _COUNTED), start=1)
        return {ticket.job: turn for turn, (ticket, _) in upcoming}
    finally:
        for ticket in tickets:
            lane.queue.remove(ticket.job)


def _position(
    lane: LaneScheduler,
    ticket: Ticket,
    turn: int | None,
    usage: AccountUsage,
    seconds: float,
    at: datetime,
) -> Position:
    blocked = blocking_condition(lane, ticket, usage, at)
    wait = None
    if turn is not None and blocked is None:
        wait = eta(turn, lane.in_use, lane.limit.cap, seconds)
    return Position(position=turn, eta_seconds=wait, blocked=blocked.detail if blocked else None)
