"""Usage of the event log per project, updated in the transaction that changes its jobs."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from heliograph.contracts.queries.log_usage import LogUsage
from services.status.read_model.rows import History
from services.status.read_model.tables import cursors, jobs, log_usage
from services.status.read_model.timestamps import stamp

Usage = dict[str, tuple[int, int]]  #: bytes and reserve, by project

_superfluous = jobs.c.log_bytes - jobs.c.last_bytes


_taken = (
    select(jobs.c.project, func.sum(jobs.c.log_bytes), func.sum(jobs.c.reserve))
    .where(jobs.c.id.in_(bindparam("named", expanding=True)))
    .group_by(jobs.c.project)
)


def usage_of(connection: Connection, named: Collection[str]) -> Usage:
    """Log usage of some jobs, by project."""
    rows = connection.execute(_taken, {"named": list(named)})
    return {str(project): (int(size), int(reserve)) for project, size, reserve in rows}


def adding_usage(insert: Any) -> Any:
    """The statement that `note_usage` carries out; `insert` is that of the database's dialect."""
    new = insert(log_usage)
    added = {name: log_usage.c[name] + new.excluded[name] for name in ("bytes", "reserve")}
    return new.on_conflict_do_update(index_elements=[log_usage.c.project], set_=added)


def note_usage(
    connection: Connection,
    adding: Any,
    before: Usage,
    after: Usage,
    others: Mapping[str, int],
) -> None:
    """Record the change of usage; `adding` is `adding_usage` of the database's dialect."""
    rows = []
    for project in before.keys() | after.keys() | others.keys():
        old, new = before.get(project, (0, 0)), after.get(project, (0, 0))
        size = new[0] - old[0] + others.get(project, 0)
        rows.append({"project": project, "bytes": size, "reserve": new[1] - old[1]})
    if rows:
        connection.execute(adding, rows)


def read_usage(connection: Connection, limit: int) -> LogUsage:
    """Of all, and of the projects that take most."""
    taken = log_usage.c.bytes + log_usage.c.reserve
    statement = select(log_usage.c.project, taken).order_by(taken.desc()).limit(limit)
    projects = {str(name): int(size) for name, size in connection.execute(statement)}
    reserve = connection.scalar(select(func.sum(log_usage.c.reserve)))
    sequence = connection.scalar(select(cursors.c.sequence))
    return LogUsage(sequence=int(sequence or 0), reserve=int(reserve or 0), projects=projects)


def untrimmed_jobs(finished_before: datetime, project: str | None) -> Select[Any]:
    """Final jobs with superfluous events, the oldest first."""
    statement = _named(jobs.c.trimmed.is_(False), jobs.c.finished_at < stamp(finished_before))
    return _of(statement, project).order_by(jobs.c.finished_at)


def longest_histories() -> Select[Any]:
    """Jobs with superfluous events, those with most of them first."""
    return _named(_superfluous > 0).order_by(_superfluous.desc())


def compactable_jobs(
    finished_before: datetime, larger_than: int, project: str | None
) -> Select[Any]:
    """Final jobs with a large last event, the oldest first."""
    statement = select(jobs.c.id).where(
        jobs.c.finished_at < stamp(finished_before),
        jobs.c.last_bytes > larger_than,
        jobs.c.compacted.is_(False),
    )
    return _of(statement, project).order_by(jobs.c.finished_at)


def _named(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(jobs.c.project, jobs.c.id, jobs.c.sequence, jobs.c.newest).where(*conditions)


def _of(statement: Select[Any], project: str | None) -> Select[Any]:
    return statement if project is None else statement.where(jobs.c.project == project)


def read_history(row: Any) -> History:
    """A row of `untrimmed_jobs` or `longest_histories`."""
    return History(str(row.project), str(row.id), int(row.sequence), int(row.newest))
