"""Snapshots of a project, page by page: what is open, then what ended lately."""

from typing import Any

from sqlalchemy import Column, Select, select, tuple_
from sqlalchemy import Row as DatabaseRow

from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotQuery
from services.status.read_model.tables import jobs
from services.status.read_model.timestamps import stamp

_Order = tuple[Column[Any], ...]
_open_order: _Order = (jobs.c.created_at, jobs.c.id)
_end_order: _Order = (jobs.c.finished_at, jobs.c.created_at, jobs.c.id)


def snapshot_page(query: SnapshotQuery, after: SnapshotCursor | None) -> Select[Any]:
    """
    Jobs of one pass: those named, or those that are open, or those that ended lately.

    Each pass goes along an index. A job that ends while the open ones are read is among those that
    ended, which are read afterwards.
    """
    own = jobs.c.project == query.project
    order = _order(query, after)
    statement = select(jobs.c.sequence, jobs.c.record, *_end_order).where(own)
    if query.jobs is not None:
        statement = statement.where(jobs.c.id.in_(query.jobs))
    elif order is _open_order:
        statement = statement.where(jobs.c.finished_at.is_(None))
    else:
        lately = jobs.c.finished_at >= stamp(query.final_since)
        statement = statement.where(lately, jobs.c.pruned.is_(False))
    if after is not None and after.at:
        statement = statement.where(tuple_(*order) > after.at)
    return statement.order_by(*order)


def _order(query: SnapshotQuery, after: SnapshotCursor | None) -> _Order:
    is_over = query.jobs is None and after is not None and after.is_over
    return _end_order if is_over else _open_order


def cursor_of(
    query: SnapshotQuery, row: DatabaseRow[Any], after: SnapshotCursor | None
) -> SnapshotCursor:
    """Cursor of a snapshot after a job."""
    order = _order(query, after)
    values = tuple(row._mapping[column.name] for column in order)
    return SnapshotCursor(is_over=order is _end_order, at=values)


def next_pass(query: SnapshotQuery, after: SnapshotCursor | None) -> SnapshotCursor | None:
    """Cursor of the next pass of a snapshot; None at its end."""
    if query.jobs is not None or (after is not None and after.is_over):
        return None
    return SnapshotCursor(is_over=True, at=())
