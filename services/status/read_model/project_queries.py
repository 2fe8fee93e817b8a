"""Project queries: which projects have jobs, how many of each status, and when something happened."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.contracts.queries.projects import ListProjects, ProjectActivity
from services.status.read_model.tables import jobs, log_usage
from services.status.read_model.timestamps import read_stamp


async def read_projects(connection: AsyncConnection, query: ListProjects) -> list[ProjectActivity]:
    """Projects by name, one more than the page size."""
    rows = (await connection.execute(_projects(query))).all()
    counts = await _counts(connection, [str(each.project) for each in rows])
    return [
        ProjectActivity(
            project=str(each.project),
            counts=counts[str(each.project)],
            last_activity=read_stamp(max(int(each.accepted), int(each.ended or 0))),
        )
        for each in rows
    ]


def _projects(query: ListProjects) -> Select[Any]:
    """Each with its newest job and its latest end, both from the last entry of an index."""
    project = log_usage.c.project
    accepted, ended = _latest(jobs.c.created_at), _latest(jobs.c.finished_at)
    statement = select(project, accepted.label("accepted"), ended.label("ended"))
    statement = statement.where(accepted.is_not(None))
    if query.cursor is not None:
        statement = statement.where(project > query.cursor)
    if query.projects is not None:
        statement = statement.where(project.in_(query.projects))
    return statement.order_by(project).limit(query.limit + 1)


def _latest(column: ColumnElement[int]) -> Any:
    own = jobs.c.project == log_usage.c.project
    newest = select(column).where(own, column.is_not(None)).order_by(column.desc()).limit(1)
    return newest.correlate(log_usage).scalar_subquery()


async def _counts(
    connection: AsyncConnection, projects: Sequence[str]
) -> defaultdict[str, dict[str, int]]:
    columns = (jobs.c.project, jobs.c.status)
    kept = jobs.c.project.in_(projects), jobs.c.pruned.is_(False)
    statement = select(*columns, func.count()).where(*kept).group_by(*columns)
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for project, status, count in await connection.execute(statement):
        counts[str(project)][str(status)] = int(count)
    return counts
