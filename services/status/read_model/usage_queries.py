"""Usage of a project: jobs, amounts and counts added up by period, model, kind, user or key."""

import json
from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    case,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.contracts.base64url import decode, encode
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.job_steps import Status
from heliograph.contracts.queries.usage import GetUsage, UsageGroup, UsagePage, UsagePeriod
from services.status.read_model.amounts import read_amount
from services.status.read_model.tables import jobs
from services.status.read_model.timestamps import stamp

_COLUMNS = {
    "model": jobs.c.model,
    "kind": jobs.c.kind,
    "user": jobs.c.user,
    "key": jobs.c.access_key,
}
_AMOUNTS = ("estimated", "actual", "held", "unknown")
_STATUSES: tuple[Status, ...] = get_args(Status)

Place = tuple[int | str, ...]  #: of a group, in the order of groups


async def read_usage_page(connection: AsyncConnection, query: GetUsage) -> UsagePage:
    """The groups after the cursor, and the totals of all."""
    split = [dimension for dimension in _COLUMNS if dimension in query.by]
    groups = (await connection.execute(_groups(query, split))).all()
    totals = (await connection.execute(_totals(query))).all()
    more, page = len(groups) > query.limit, groups[: query.limit]
    return UsagePage(
        groups=[_read(each, split) for each in page],
        totals=[_read(each, []) for each in totals],
        next=_cursor(_place(page[-1], split)) if more else None,
    )


def _groups(query: GetUsage, split: Sequence[str]) -> Select[Any]:
    """The groups of a page, and one more."""
    periods = _periods(query.periods)
    # what is null stands first, in either database
    keys = [periods.c.number, *(func.coalesce(_COLUMNS[each], "") for each in split)]
    order: list[ColumnElement[Any]] = [*keys, jobs.c.currency]
    shown = [_COLUMNS[each].label(each) for each in split]
    statement = _added_up(query, periods, [periods.c.number, *shown, jobs.c.currency])
    if query.cursor is not None:
        after = _read_cursor(query.cursor, len(order))
        statement = statement.where(tuple_(*order) > tuple_(*after))
    return statement.order_by(*order).limit(query.limit + 1)


def _totals(query: GetUsage) -> Select[Any]:
    periods = _periods(query.periods)
    return _added_up(query, periods, [jobs.c.currency]).order_by(jobs.c.currency)


def _added_up(query: GetUsage, periods: Any, by: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Jobs of the project that were accepted in the periods."""
    is_in = (jobs.c.created_at >= periods.c.starts) & (jobs.c.created_at < periods.c.ends)
    counts = [func.sum(case((jobs.c.status == each, 1), else_=0)) for each in _STATUSES]
    return (
        select(
            *by,
            *(func.sum(jobs.c[name]).label(name) for name in _AMOUNTS),
            *(count.label(status) for status, count in zip(_STATUSES, counts, strict=True)),
        )
        .select_from(periods.join(jobs, is_in))
        .where(jobs.c.project == query.project)
        .group_by(*by)
    )


def _periods(periods: Sequence[UsagePeriod]) -> Any:
    """The periods as a table: their places, and where they begin and end."""
    rows = [
        select(
            literal(number, Integer).label("number"),
            literal(stamp(each.starts), BigInteger).label("starts"),
            literal(stamp(each.ends), BigInteger).label("ends"),
        )
        for number, each in enumerate(periods)
    ]
    return union_all(*rows).subquery("periods")


def _read(group: Any, split: Sequence[str]) -> UsageGroup:
    row = group._mapping
    counts = {status: int(row[status]) for status in _STATUSES if row[status]}
    amounts = {name: read_amount(int(row[name])) for name in _AMOUNTS}
    return UsageGroup(
        period=int(row.get("number", 0)),
        currency=str(row["currency"]),
        counts=counts,
        **{name: row[name] for name in split},
        **amounts,
    )


def _place(group: Any, split: Sequence[str]) -> Place:
    row = group._mapping
    return (int(row["number"]), *(row[each] or "" for each in split), str(row["currency"]))


def _cursor(place: Place) -> str:
    return encode(json.dumps(place, ensure_ascii=False).encode())


def _read_cursor(cursor: str, length: int) -> Place:
    """Raises ValidationFailed for a text that is not one of our cursors."""
    try:
        number, *texts = json.loads(decode(cursor))
        is_ours = len(texts) == length - 1 and all(isinstance(each, str) for each in texts)
        if is_ours and type(number) is int and 0 <= number < 2**31:
            return number, *texts
    except (TypeError, ValueError):
        pass
    raise ValidationFailed.at("/query/cursor", "is not a cursor of this list")
