"""Retention queries: ended jobs, which are in use, and which still have objects."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, exists, false, func, or_, select

from heliograph.contracts.retention import Rule
from services.status.read_model.rows import FinishedJob
from services.status.read_model.tables import jobs, uses
from services.status.read_model.timestamps import read_stamp, stamp


def ended_jobs(project: str, rule: Rule, at: datetime) -> Select[Any]:
    """Jobs that are over and not kept by a rule, the oldest first, with their places in their slots."""
    result = ("status", "version", "finished_at", "objects", "bytes", "pruned")
    named = ("id", "kind", "slot", *result)
    slot = (jobs.c.slot, jobs.c.version)
    number = func.row_number().over(partition_by=slot, order_by=jobs.c.ended)
    place = func.row_number().over(
        partition_by=(*slot, jobs.c.pruned), order_by=jobs.c.ended.desc()
    )
    every = (
        select(
            *(jobs.c[name] for name in named),
            number.label("number"),
            func.count().over(partition_by=slot).label("versions"),
            (place - 1).label("age"),
        )
        .where(jobs.c.project == project, jobs.c.finished_at.is_not(None))
        .subquery()
    )
    statement = select(every).where(every.c.pruned.is_(False), or_(*_not_kept(every, rule, at)))
    return statement.order_by(every.c.finished_at, every.c.id)


def _not_kept(every: Subquery, rule: Rule, at: datetime) -> Iterator[ColumnElement[bool]]:
    has_result = every.c.status == "succeeded"
    yield false()
    if rule.versions is not None:
        yield and_(every.c.version, every.c.age >= rule.versions)
    for is_meant, days in ((has_result, rule.days), (~has_result, rule.failed_days)):
        if days is not None:
            yield and_(is_meant, every.c.finished_at <= stamp(at - timedelta(days=days)))


def jobs_in_use(project: str) -> Select[Any]:
    """Jobs that others need: those that are open, and those that were given their results."""
    needs = or_(jobs.c.finished_at.is_(None), uses.c.kept)
    users = uses.join(jobs, jobs.c.id == uses.c.job)
    statement = select(uses.c.used).select_from(users).where(jobs.c.project == project)
    return statement.where(jobs.c.pruned.is_(False), needs).distinct()


def not_emptied(pruned_before: int) -> Select[Any]:
    """Jobs pruned before a time that are not in use, and whose objects may still exist."""
    user = jobs.alias()
    needs = or_(user.c.finished_at.is_(None), uses.c.kept)
    is_used = exists().where(
        uses.c.used == jobs.c.id, user.c.id == uses.c.job, user.c.pruned.is_(False), needs
    )
    statement = select(jobs.c.id).where(jobs.c.pruned, jobs.c.emptied.is_(False))
    return statement.where(jobs.c.changed_at < pruned_before, ~is_used).order_by(jobs.c.changed_at)


def expired_jobs(finished_before: int, budgeted: Sequence[str]) -> Select[Any]:
    """Jobs of which only the record is left, the oldest first."""
    is_named = exists().where(uses.c.used == jobs.c.id)
    is_free = and_(jobs.c.actual == 0, jobs.c.held == 0, jobs.c.unknown == 0)
    newest = select(func.max(jobs.c.number)).scalar_subquery()
    statement = select(jobs.c.project, jobs.c.id, jobs.c.sequence, jobs.c.newest).where(
        jobs.c.finished_at < finished_before,
        jobs.c.pruned,
        jobs.c.emptied,
        jobs.c.version.is_(False),  # versions of a slot are numbered by those before them
        jobs.c.number < newest,  # SQLite would give it again, and the search index has it still
        or_(is_free, jobs.c.project.not_in(budgeted)),
        ~is_named,
    )
    return statement.order_by(jobs.c.finished_at)


def read_ended(row: Any, used: frozenset[str]) -> FinishedJob:
    """A row of `ended_jobs`."""
    has_result = row.status == "succeeded"
    is_version = bool(row.version)
    return FinishedJob(
        id=row.id,
        kind=row.kind,
        slot=row.slot,
        has_result=has_result,
        finished_at=read_stamp(row.finished_at),
        version=row.number if is_version else None,
        versions=row.versions if is_version else 0,
        age=row.age if is_version else 0,
        objects=row.objects,
        bytes=row.bytes,
        in_use=row.id in used,
    )
