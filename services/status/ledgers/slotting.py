"""
Slots, read from the jobs that were for them.

A version needs no table of its own: it is the number of a success among those of its slot, in the
order of the log. So the numbers are the same however often the read model is made anew. What was
pruned keeps its number, and is not shown.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select

from heliograph.contracts.queries import GetSlot, ListSlots
from services.status.ledgers import Row, SlotRows
from services.status.ledgers.tables import cursors, jobs, read_row

FAILURES = 10  #: shown of a slot

_FAILED = ("failed", "expired")
_OPEN = ("queued", "running")
_BEYOND = "\x7f"  #: comes after every character of a name
_kept = jobs.c.pruned.is_(False)


def slots_listed(query: ListSlots) -> Select[Any]:
    """What has to be shown of a page of slots, and of one more, in one statement: one moment."""
    prefixed = and_(jobs.c.slot >= query.prefix, jobs.c.slot < query.prefix + _BEYOND)
    page = select(jobs.c.slot).where(jobs.c.project == query.project, prefixed, _kept)
    if query.cursor is not None:
        page = page.where(jobs.c.slot > query.cursor)
    return _shown(query.project, page.distinct().order_by(jobs.c.slot).limit(query.limit + 1))


def slot_named(query: GetSlot) -> Select[Any]:
    """The same of one slot."""
    page = select(jobs.c.slot).where(
        jobs.c.project == query.project, jobs.c.slot == query.slot, _kept
    )
    return _shown(query.project, page.distinct())


def versions_after(project: str, slot: str, number: int) -> Select[Any]:
    """The successes of a slot that are versions after a number, in order."""
    every = (
        select(
            jobs.c.id.label("job"),
            func.row_number().over(order_by=jobs.c.ended).label("number"),
        )
        .where(jobs.c.project == project, jobs.c.slot == slot, jobs.c.status == "succeeded")
        .cte("every")
    )
    return (
        select(jobs.c.sequence, jobs.c.record, every.c.number)
        .join_from(every, jobs, jobs.c.id == every.c.job)
        .where(every.c.number > number, _kept)
        .order_by(every.c.number)
    )


def fillers(project: str, slots: Sequence[str]) -> Select[Any]:
    """Of each slot, by name: the job that is open, else the last success."""
    is_open = jobs.c.status.in_(_OPEN)
    rank = func.row_number().over(
        partition_by=jobs.c.slot, order_by=(case((is_open, 0), else_=1), jobs.c.ended.desc())
    )
    ranked = (
        select(jobs.c.slot, jobs.c.id, rank.label("rank"))
        .where(jobs.c.project == project, jobs.c.slot.in_(slots))
        .where(or_(is_open, jobs.c.status == "succeeded"))
        .subquery()
    )
    return select(ranked.c.slot, ranked.c.id).where(ranked.c.rank == 1)


def _shown(project: str, names: Select[Any]) -> Select[Any]:
    """Of each slot: the last success, what is open, and what failed since."""
    page = names.cte("page")
    succeeded, failed = jobs.c.status == "succeeded", jobs.c.status.in_(_FAILED)
    slot = jobs.c.slot
    ranked = (
        select(
            jobs.c.number,
            slot,
            jobs.c.status,
            jobs.c.ended,
            jobs.c.pruned,
            func.count().filter(succeeded).over(partition_by=slot).label("versions"),
            func.max(jobs.c.ended).filter(succeeded).over(partition_by=slot).label("latest"),
            func.row_number()
            .over(partition_by=(slot, failed), order_by=jobs.c.ended.desc())
            .label("age"),
        )
        .where(jobs.c.project == project, slot.in_(select(page.c.slot)))
        .cte("ranked")
    )
    since = func.coalesce(ranked.c.latest, 0)
    is_kept = ranked.c.pruned.is_(False)
    news = and_(ranked.c.status.in_(_FAILED), ranked.c.ended > since, ranked.c.age <= FAILURES)
    open_ = ranked.c.status.in_(_OPEN)
    wanted = or_(ranked.c.ended == ranked.c.latest, open_, and_(news, is_kept))
    rows = page.outerjoin(ranked, and_(ranked.c.slot == page.c.slot, wanted))
    rows = rows.outerjoin(jobs, jobs.c.number == ranked.c.number)
    everything = cursors.outerjoin(rows, page.c.slot.is_not(None))
    return (
        select(
            cursors.c.epoch,
            cursors.c.sequence.label("cursor"),
            page.c.slot,
            ranked.c.versions,
            jobs.c.sequence,
            jobs.c.record,
        )
        .select_from(everything)
        .order_by(page.c.slot, jobs.c.ended.desc())
    )


def slots_in(found: Sequence[Any]) -> list[SlotRows]:
    """The slots in rows of `slots_listed` or `slot_named`."""
    named = [each for each in found if each.slot is not None]
    return [_slot(name, list(each)) for name, each in groupby(named, lambda row: str(row.slot))]


def _slot(name: str, found: list[Any]) -> SlotRows:
    rows = [read_row(each) for each in found if each.record is not None]

    def those(statuses: tuple[str, ...]) -> list[Row]:
        return [row for row in rows if row.record.status in statuses]

    return SlotRows(
        slot=name,
        versions=int(found[0].versions or 0),
        latest=next(iter(those(("succeeded",))), None),
        active=next(iter(those(_OPEN)), None),
        failures=those(_FAILED),
    )
