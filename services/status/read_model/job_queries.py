"""Job queries: filters, and pagination by cursors."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.contracts.job_criteria import JobCriteria
from heliograph.contracts.queries.jobs import FindJobs, ListJobs
from services.status.read_model.counts import count
from services.status.read_model.job_cursors import read_cursor
from services.status.read_model.label_queries import Label, has_label, labelled
from services.status.read_model.search_index import prompt_contains
from services.status.read_model.slot_queries import has_prefix
from services.status.read_model.tables import jobs, labels
from services.status.read_model.timestamps import stamp

_MAX_COUNTED = 5_000  #: jobs that match; beyond, how many more does not matter

_COLUMNS = ("status", "kind", "model", "user", "batch")


async def listing(connection: AsyncConnection, query: ListJobs | FindJobs) -> Select[Any]:
    """The jobs of a query, in its order, one more than the page size."""
    named = [(f"tag.{n}", v) for n, v in query.tags.items()]
    named += [(f"param.{n}", v) for n, v in query.parameters.items()]
    where = _conditions(query)
    if query.slot is not None:
        where.append(await _in_slots(connection, query.project, query.slot))
    first = await _rarest(connection, query, named, where)
    if query.q is not None:
        where.append(await prompt_contains(connection, query.q))
    where += [has_label(label) for label in named if label != first]
    statement = select(jobs.c.sequence, jobs.c.record)
    if first is None:
        by, job = jobs.c.created_at, jobs.c.id
    else:
        # labels are in the order of their jobs, so that the first ones found are the newest
        by, job = labels.c.created_at, labels.c.job
        statement = statement.select_from(labels.join(jobs, jobs.c.id == labels.c.job))
        where += labelled(query.project, first)
    where += _between(query, by)
    if isinstance(query, ListJobs):
        return _in_order(statement.where(*where), query, by, job)
    return statement.where(*where).order_by(by.desc(), job.desc()).limit(query.limit + 1)


def _in_order(
    statement: Select[Any], query: ListJobs, created_at: ColumnElement[int], job: ColumnElement[str]
) -> Select[Any]:
    """A page of the jobs, after the cursor."""
    by = created_at
    if query.order == "ended":
        by = jobs.c.finished_at
        statement = statement.where(by.is_not(None))
    is_forward = query.order == "oldest"
    if query.cursor is not None:
        place, after = tuple_(by, job), tuple_(*read_cursor(query.cursor, query.order))
        statement = statement.where(place > after if is_forward else place < after)
    order = (by.asc(), job.asc()) if is_forward else (by.desc(), job.desc())
    return statement.order_by(*order).limit(query.limit + 1)


async def counting(connection: AsyncConnection, query: ListJobs) -> Select[Any]:
    """Number of jobs per status that match all other criteria of a query."""
    others = query.model_copy(update={"status": None, "statuses": [], "cursor": None})
    statuses = (await listing(connection, others)).with_only_columns(jobs.c.status)
    each = statuses.order_by(None).limit(None).subquery()
    return select(each.c.status, func.count()).group_by(each.c.status)


async def finding(connection: AsyncConnection, query: FindJobs) -> Select[Any]:
    """The ids of the jobs of a query, newest first, one more than the page size."""
    statement = (await listing(connection, query)).with_only_columns(jobs.c.id, jobs.c.retry_of)
    if query.retries:
        statement = statement.where(jobs.c.retry_of.is_not(None))
    if query.untried:
        later = jobs.alias()
        again = exists().where(later.c.retry_of == jobs.c.id)
        # a slot shows its latest request
        same_slot = and_(later.c.project == jobs.c.project, later.c.slot == jobs.c.slot)
        since = exists().where(same_slot, later.c.number > jobs.c.number)
        statement = statement.where(~again, ~since)
    return statement


def _conditions(query: ListJobs | FindJobs) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [jobs.c.project == query.project]
    for column in _COLUMNS:
        value = getattr(query, column)
        if value is not None:
            where.append(jobs.c[column] == value)
    if query.statuses:
        where.append(jobs.c.status.in_(query.statuses))
    if not (isinstance(query, FindJobs) and query.retries):
        where.append(jobs.c.pruned.is_(False))
    return where


def _between(query: JobCriteria, by: ColumnElement[int]) -> list[ColumnElement[bool]]:
    where = []
    if query.created_after is not None:
        where.append(by >= stamp(query.created_after))
    if query.created_before is not None:
        where.append(by <= stamp(query.created_before))
    return where


async def _in_slots(connection: AsyncConnection, project: str, prefix: str) -> ColumnElement[bool]:
    """Few jobs are found by their slots, and put in order; many are found in their order."""
    own = select(jobs.c.slot).where(jobs.c.project == project, has_prefix(prefix))
    if await count(connection, own, up_to=_MAX_COUNTED) < _MAX_COUNTED:
        return has_prefix(prefix)
    # LIKE of SQLite ignores case
    return func.substr(jobs.c.slot, 1, len(prefix)) == prefix


async def _rarest(
    connection: AsyncConnection,
    query: ListJobs | FindJobs,
    filters: list[Label],
    others: list[ColumnElement[bool]],
) -> Label | None:
    """
    The rarest label: a query that begins with it reads the fewest rows.

    None without a label filter, or where other filters leave fewer jobs.
    """
    narrowed = any(getattr(query, name) is not None for name in (*_COLUMNS, "slot"))
    if len(filters) + narrowed < 2:
        return filters[0] if filters else None
    counts: dict[Label | None, int] = {}
    for label in filters:
        having = labelled(query.project, label)
        matching = select(labels.c.job).where(*having)
        counts[label] = await count(connection, matching, up_to=_MAX_COUNTED)
    if narrowed and min(counts.values(), default=0) >= _MAX_COUNTED:
        matching = select(jobs.c.id).where(*others, *_between(query, jobs.c.created_at))
        counts[None] = await count(connection, matching, up_to=_MAX_COUNTED)
    return min(counts, key=lambda each: counts[each], default=None)
