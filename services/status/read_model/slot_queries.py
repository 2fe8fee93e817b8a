"""
Slot queries: slots and versions, computed from their jobs.

A version needs no table of its own: it is the number of a success among those of its slot, in the
order of the log. So the numbers are the same whenever the read model is rebuilt. A pruned version keeps its
number, and is not shown. A success whose pictures cannot be decoded is not a version.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from heliograph.contracts.queries.slots import GetSlot, ListSlots
from services.status.read_model.slot_results import FAILED, FAILURES, OPEN_STATUSES
from services.status.read_model.tables import cursors, jobs

_BEYOND = "\x7f"  #: comes after every character of a name
_kept = jobs.c.pruned.is_(False)


def has_prefix(prefix: str) -> ColumnElement[bool]:
    """The condition that a job is for a slot whose name begins so: a range of an index."""
    return and_(jobs.c.slot >= prefix, jobs.c.slot < prefix + _BEYOND)


def slots_listed(query: ListSlots) -> Select[Any]:
    """Rows of a page of slots, and of one more, in one statement (one snapshot)."""
    page = _summed(query.project)
    page = page.where(has_prefix(query.prefix))
    if query.cursor is not None:
        page = page.where(jobs.c.slot > query.cursor)
    return _shown(query.project, page.order_by(jobs.c.slot).limit(query.limit + 1))


def slot_named(query: GetSlot) -> Select[Any]:
    """The query for one slot."""
    return _shown(query.project, _summed(query.project).where(jobs.c.slot == query.slot))


def versions_after(project: str, slot: str, number: int) -> Select[Any]:
    """The successes of a slot that are versions after a number, in order."""
    every = (
        select(
            jobs.c.id.label("job"),
            func.row_number().over(order_by=jobs.c.ended).label("number"),
        )
        .where(jobs.c.project == project, jobs.c.slot == slot, jobs.c.version)
        .cte("every")
    )
    return (
        select(jobs.c.sequence, jobs.c.record, every.c.number)
        .join_from(every, jobs, jobs.c.id == every.c.job)
        .where(every.c.number > number, _kept)
        .order_by(every.c.number)
    )


def slot_occupants(project: str, slots: Sequence[str]) -> Select[Any]:
    """The open job of each slot, by name; else its last success."""
    is_open = jobs.c.status.in_(OPEN_STATUSES)
    rank = func.row_number().over(
        partition_by=jobs.c.slot, order_by=(case((is_open, 0), else_=1), jobs.c.ended.desc())
    )
    ranked = (
        select(jobs.c.slot, jobs.c.id, rank.label("rank"))
        .where(jobs.c.project == project, jobs.c.slot.in_(slots))
        .where(or_(is_open, jobs.c.version))
        .subquery()
    )
    return select(ranked.c.slot, ranked.c.id).where(ranked.c.rank == 1)


def _summed(project: str) -> Select[Any]:
    """Slots that have a job which is kept: how many successes, and the place of the last."""
    return (
        select(
            jobs.c.slot,
            func.count().filter(jobs.c.version).label("versions"),
            func.max(jobs.c.ended).filter(jobs.c.version).label("latest"),
        )
        .where(jobs.c.project == project)
        .group_by(jobs.c.slot)
        .having(func.count().filter(_kept) > 0)
    )


def _shown(project: str, slots: Select[Any]) -> Select[Any]:
    """The last success, the open job and the failures since, of each slot."""
    page = slots.cte("page")
    failed = jobs.c.status.in_(FAILED)
    news = and_(failed, jobs.c.ended > func.coalesce(page.c.latest, 0))
    relevant = or_(jobs.c.ended == page.c.latest, jobs.c.status.in_(OPEN_STATUSES), news)
    of_slot = and_(jobs.c.project == project, jobs.c.slot == page.c.slot)
    age = func.row_number().over(partition_by=(page.c.slot, failed), order_by=jobs.c.ended.desc())
    # of columns in the index of slots alone: rows are fetched of those that are shown
    ranked = (
        select(
            page.c.slot,
            page.c.versions,
            jobs.c.number,
            failed.label("failed"),
            jobs.c.pruned,
            age.label("age"),
        )
        .select_from(page.outerjoin(jobs, and_(of_slot, relevant)))
        .cte("ranked")
    )
    lately = or_(ranked.c.age <= FAILURES, ranked.c.failed.is_(False))
    is_shown = or_(ranked.c.pruned.is_(False), ranked.c.failed.is_(False))
    everything = cursors.outerjoin(ranked, lately)
    everything = everything.outerjoin(jobs, and_(jobs.c.number == ranked.c.number, is_shown))
    return (
        select(
            cursors.c.epoch,
            cursors.c.sequence.label("cursor"),
            ranked.c.slot,
            ranked.c.versions,
            jobs.c.sequence,
            jobs.c.record,
        )
        .select_from(everything)
        .order_by(ranked.c.slot, jobs.c.ended.desc())
    )
