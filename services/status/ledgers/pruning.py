"""What has ended and is still kept, what needs it, and what of the rest is still in the store."""

from typing import Any

from sqlalchemy import Select, exists, or_, select

from services.status.ledgers import Ended
from services.status.ledgers.slotting import numbered
from services.status.ledgers.tables import jobs, read_stamp, uses


def ended_jobs(project: str) -> Select[Any]:
    """Jobs that are over and kept, the oldest first, with their places in their slots."""
    every = numbered(project).cte("every")
    columns = (every.c.number, every.c.versions)
    named = ("id", "kind", "slot", "status", "finished_at", "objects", "bytes")
    return (
        select(*columns, *(jobs.c[name] for name in named))
        .join_from(jobs, every, every.c.job == jobs.c.id, isouter=True)
        .where(jobs.c.project == project, jobs.c.finished_at.is_not(None))
        .where(jobs.c.pruned.is_(False))
        .order_by(jobs.c.finished_at, jobs.c.id)
    )


def jobs_in_use(project: str) -> Select[Any]:
    """Jobs that others need: those that are open, and those that were given their results."""
    needs = or_(jobs.c.finished_at.is_(None), uses.c.kept)
    users = uses.join(jobs, jobs.c.id == uses.c.job)
    statement = select(uses.c.used).select_from(users).where(jobs.c.project == project)
    return statement.where(jobs.c.pruned.is_(False), needs).distinct()


def not_emptied(pruned_before: int) -> Select[Any]:
    """Jobs that were pruned before a time, that nobody needs, and whose objects may be there."""
    user = jobs.alias()
    needs = or_(user.c.finished_at.is_(None), uses.c.kept)
    is_used = exists().where(
        uses.c.used == jobs.c.id, user.c.id == uses.c.job, user.c.pruned.is_(False), needs
    )
    statement = select(jobs.c.id).where(jobs.c.pruned, jobs.c.emptied.is_(False))
    return statement.where(jobs.c.changed_at < pruned_before, ~is_used).order_by(jobs.c.changed_at)


def read_ended(found: Any, used: frozenset[str]) -> Ended:
    """A row of `ended_jobs`."""
    return Ended(
        id=found.id,
        kind=found.kind,
        slot=found.slot,
        has_result=found.status == "succeeded",
        finished_at=read_stamp(found.finished_at),
        version=found.number,
        versions=found.versions or 0,
        objects=found.objects,
        bytes=found.bytes,
        in_use=found.id in used,
    )
