"""Usage adds up what jobs cost, in every database, whatever it is split by."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.job_events import Canceled, Pruned, Started, Submitted, Submitting
from heliograph.contracts.queries.usage import (
    GetUsage,
    UsageDimension,
    UsageGroup,
    UsagePage,
    UsagePeriod,
)
from heliograph.contracts.records import Record
from heliograph.contracts.spending import spending_of
from heliograph.contracts.state_machine import apply
from services.status.read_model.amounts import read_amount, stored_amount
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CHARGED = (
    Started(run=1),
    Submitting(run=1, endpoint="picture", prompt="x", arguments={}, references=[]),
    Submitted(run=1, request_id="r"),
    Canceled(charged="yes"),
)
SPLITS: tuple[UsageDimension, ...] = ("model", "kind", "user", "key")


def a_job(
    *facts: Any, at: datetime = START, price: str = "0.01", key: str | None = None, **fields: Any
) -> Record:
    """A job that was accepted at a time, with a key."""
    record = a_record(project="demo", parameters={"price": price}, **fields)
    internal = record.internal.model_copy(update={"changed_at": at, "access_key": key})
    record = record.model_copy(update={"created_at": at, "internal": internal})
    for fact in facts:
        record = apply(record, fact, at)
    return record


async def take_in(read_model: SqlReadModel, *records: Record) -> None:
    cursor = await read_model.open("one")
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))


def days(count: int = 1) -> list[UsagePeriod]:
    starts = [START + number * DAY for number in range(count)]
    return [UsagePeriod(name=f"{each:%F}", starts=each, ends=each + DAY) for each in starts]


async def usage(
    read_model: SqlReadModel, *by: UsageDimension, count: int = 1, **fields: Any
) -> UsagePage:
    query = GetUsage(project="demo", periods=days(count), by=list(by), **fields)
    return await read_model.usage_page(query)


async def every_group(read_model: SqlReadModel, *by: UsageDimension, **fields: Any) -> list[Any]:
    """Of all pages."""
    groups, cursor = list[UsageGroup](), None
    while True:
        page = await usage(read_model, *by, cursor=cursor, **fields)
        groups += page.groups
        if (cursor := page.next) is None:
            return groups


def jobs(groups: Sequence[UsageGroup]) -> int:
    return sum(sum(each.counts.values()) for each in groups)


async def test_a_project_without_jobs_has_no_usage(read_model: SqlReadModel) -> None:
    assert await usage(read_model) == UsagePage(groups=[], totals=[])


async def test_amounts_are_what_the_jobs_cost(read_model: SqlReadModel) -> None:
    records = [a_job(), a_job(*CHARGED, price="0.02"), a_job(Canceled(), price="0.04")]
    await take_in(read_model, *records)

    [group] = (await usage(read_model)).groups

    right = [sum(amounts, Decimal(0)) for amounts in zip(*map(spending_of, records), strict=True)]
    assert [group.estimated, group.actual, group.held, group.unknown] == right
    assert group.counts == {"queued": 1, "canceled": 2}


async def test_a_job_belongs_to_the_day_on_which_it_was_accepted(read_model: SqlReadModel) -> None:
    edges = [START - timedelta(microseconds=1), START, START + DAY, START + 3 * DAY]
    await take_in(read_model, *(a_job(at=at) for at in edges))

    groups = (await usage(read_model, count=3)).groups

    assert [(group.period, jobs([group])) for group in groups] == [(0, 1), (1, 1)]


async def test_usage_is_split_by_what_jobs_have_in_common(read_model: SqlReadModel) -> None:
    await take_in(
        read_model,
        a_job(user="alice", key="k1"),
        a_job(user="alice", key="k2", kind="portrait"),
        a_job(user="bob", key="k1"),
        a_job(),
    )

    by_user = (await usage(read_model, "user")).groups
    by_key = (await usage(read_model, "key", "kind")).groups

    assert [(each.user, jobs([each])) for each in by_user] == [(None, 1), ("alice", 2), ("bob", 1)]
    assert [(each.key, each.kind) for each in by_key] == [
        (None, "image"),
        ("k1", "image"),
        ("k2", "portrait"),
    ]


@pytest.mark.parametrize("limit", [1, 3, 1_000])
@pytest.mark.parametrize(
    "by",
    [split for size in range(len(SPLITS) + 1) for split in combinations(SPLITS, size)],
    ids="+".join,
)
async def test_pages_add_up_to_the_total(
    read_model: SqlReadModel, by: tuple[UsageDimension, ...], limit: int
) -> None:
    records = [
        a_job(
            *(CHARGED if number % 3 else ()),
            at=START + number * DAY / 2,
            user=("alice", None, "zoë")[number % 3],
            key=(None, "k1")[number % 2],
            kind=("image", "portrait")[number % 2],
        )
        for number in range(12)
    ]
    await take_in(read_model, *records)

    groups = await every_group(read_model, *by, count=6, limit=limit)
    [total] = (await usage(read_model, *by, count=6, limit=limit)).totals

    assert jobs(groups) == jobs([total]) == 12
    for name in ("estimated", "actual", "held", "unknown"):
        assert sum(getattr(group, name) for group in groups) == getattr(total, name)
    places = [(g.period, g.model, g.kind, g.user, g.key) for g in groups]
    assert len(set(places)) == len(places)


async def test_other_projects_are_not_counted(read_model: SqlReadModel) -> None:
    await take_in(read_model, a_job(), a_job().model_copy(update={"project": "another"}))

    assert jobs((await usage(read_model)).groups) == 1


async def test_what_was_pruned_still_cost_something(read_model: SqlReadModel) -> None:
    done = a_job(*CHARGED)
    await take_in(read_model, done, apply(done, Pruned(ended=1), START))

    [group] = (await usage(read_model)).groups

    assert (group.counts, group.actual) == ({"canceled": 1}, Decimal("0.01"))


async def test_currencies_are_never_added_up(read_model: SqlReadModel) -> None:
    euro = a_job()
    cost = euro.cost.model_copy(update={"currency": "EUR"})
    await take_in(read_model, a_job(), euro.model_copy(update={"cost": cost}))

    report = await usage(read_model)

    assert [each.currency for each in report.groups] == ["EUR", "USD"]
    assert [each.currency for each in report.totals] == ["EUR", "USD"]


@pytest.mark.parametrize("cursor", ["", "x", "e30", "WzFd", "WzEsMSwxXQ", "WyIxIiwiVVNEIl0"])
async def test_what_is_no_cursor_is_refused(read_model: SqlReadModel, cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        await usage(read_model, cursor=cursor)


@pytest.mark.parametrize("text", ["0", "0.000000001", "0.1", "12.5", "100", "999999.999999"])
def test_amounts_are_exact(text: str) -> None:
    assert f"{read_amount(stored_amount(Decimal(text))):f}" == text
