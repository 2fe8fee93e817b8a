"""Lists of jobs and projects: several statuses, orders whose pages hold still, and counts."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.job_events import Canceled, JobEvent, Pruned, Started
from heliograph.contracts.queries.jobs import ListJobs
from heliograph.contracts.queries.projects import ListProjects
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record, some_project

NOW = datetime(2030, 1, 1, tzinfo=UTC)
STARTED, CANCELED = Started(run=1), Canceled()


def a_job(*facts: JobEvent, age: float, lasts: float = 1, **fields: Any) -> Record:
    """A job that was accepted so many seconds ago; each fact took `lasts` seconds."""
    at = NOW - timedelta(seconds=age)
    record = a_record(**{"project": "demo", **fields})
    internal = record.internal.model_copy(update={"changed_at": at})
    record = record.model_copy(update={"created_at": at, "internal": internal})
    for fact in facts:
        at += timedelta(seconds=lasts)
        record = apply(record, fact, at)
    return record


async def take_in(read_model: SqlReadModel, *records: Record) -> None:
    cursor = await read_model.open("one")
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))


async def pages(read_model: SqlReadModel, **query: Any) -> list[list[str]]:
    """Ids of all pages."""
    id_pages, cursor = [], None
    while True:
        page = await read_model.page(ListJobs(project="demo", cursor=cursor, **query))
        id_pages.append([row.record.id for row in page.rows])
        if (cursor := page.next) is None:
            return id_pages


def ids(*records: Record) -> list[str]:
    return [record.id for record in records]


async def test_jobs_of_several_statuses_are_in_one_list(read_model: SqlReadModel) -> None:
    queued, running = a_job(age=3), a_job(STARTED, age=2)
    canceled = a_job(CANCELED, age=1)
    await take_in(read_model, queued, running, canceled)

    listed = await pages(read_model, statuses=["queued", "canceled"])

    assert listed == [ids(canceled, queued)]


@pytest.mark.parametrize("tagged", [False, True])
async def test_each_order_is_kept_over_pages(read_model: SqlReadModel, tagged: bool) -> None:
    """The long one was accepted before the others ended, and ended after them."""
    long = a_job(CANCELED, age=100, lasts=90, tags={"show": "s1"})
    others = [a_job(CANCELED, age=50 - n, tags={"show": "s1"}) for n in range(4)]
    running = a_job(STARTED, age=1, tags={"show": "s1"})
    await take_in(read_model, *others, long, running, a_job(age=1, project="other"))
    query: dict[str, Any] = {"limit": 2} | ({"tags": {"show": "s1"}} if tagged else {})

    by_order = {
        order: [*chain(*await pages(read_model, order=order, **query))]
        for order in ("newest", "oldest", "ended")
    }

    assert by_order["oldest"] == ids(long, *others, running)
    assert by_order["newest"] == by_order["oldest"][::-1]
    assert by_order["ended"] == ids(long, *reversed(others))


async def test_jobs_that_ended_at_one_moment_are_each_listed_once(read_model: SqlReadModel) -> None:
    jobs = [a_job(CANCELED, age=5) for _ in range(5)]
    await take_in(read_model, *jobs)

    for order in ("newest", "oldest", "ended"):
        listed = await pages(read_model, order=order, limit=2)
        assert sorted(chain(*listed)) == sorted(ids(*jobs))


async def test_a_cursor_of_another_order_is_refused(read_model: SqlReadModel) -> None:
    await take_in(read_model, *(a_job(CANCELED, age=n) for n in range(3)))
    ended = await read_model.page(ListJobs(project="demo", order="ended", limit=1))

    with pytest.raises(ValidationFailed):
        await read_model.page(ListJobs(project="demo", cursor=ended.next))


async def test_jobs_are_counted_by_status_under_all_other_filters(read_model: SqlReadModel) -> None:
    shots = [a_job(age=n, kind="shot") for n in range(3)]
    await take_in(
        read_model,
        *shots,
        a_job(CANCELED, age=9, kind="shot"),
        a_job(CANCELED, Pruned(ended=1), age=9, kind="shot"),
        a_job(STARTED, age=9, kind="portrait"),
        a_job(age=9, kind="shot", project="other"),
    )

    everything = await read_model.counts(ListJobs(project="demo"))
    of_shots = await read_model.counts(ListJobs(project="demo", kind="shot", statuses=["failed"]))
    one_status = await read_model.counts(ListJobs(project="demo", kind="shot", status="queued"))

    assert everything == {"queued": 3, "canceled": 1, "running": 1}
    assert of_shots == one_status == {"queued": 3, "canceled": 1}


async def test_labelled_jobs_are_counted(read_model: SqlReadModel) -> None:
    tagged = [a_job(age=n, tags={"show": "s1"}) for n in range(2)]
    await take_in(read_model, *tagged, a_job(age=1))

    assert await read_model.counts(ListJobs(project="demo", tags={"show": "s1"})) == {"queued": 2}


async def test_projects_are_listed_with_counts_and_their_last_activity(
    read_model: SqlReadModel,
) -> None:
    await take_in(
        read_model,
        a_job(age=60, project="b"),
        a_job(CANCELED, age=50, lasts=45, project="b"),
        a_job(STARTED, age=10, project="a"),
        a_job(CANCELED, Pruned(ended=1), age=90, project="c"),
    )

    a, b, c = await read_model.projects(ListProjects())

    assert [each.project for each in (a, b, c)] == ["a", "b", "c"]
    assert (a.counts, b.counts, c.counts) == ({"running": 1}, {"queued": 1, "canceled": 1}, {})
    assert a.last_activity == NOW - timedelta(seconds=10)
    assert b.last_activity == NOW - timedelta(seconds=5)
    assert c.last_activity == NOW - timedelta(seconds=89)


async def test_a_list_of_projects_goes_on_after_its_cursor(read_model: SqlReadModel) -> None:
    names = sorted(some_project() for _ in range(3))
    await take_in(read_model, *(a_job(age=1, project=name) for name in names))

    first = await read_model.projects(ListProjects(limit=1))
    others = await read_model.projects(ListProjects(cursor=names[0]))
    named = await read_model.projects(ListProjects(projects=[names[2], "nobody"]))

    assert [each.project for each in first] == names[:2]  # one more says that there are others
    assert [each.project for each in others] == names[1:]
    assert [each.project for each in named] == names[2:]


async def test_records_of_jobs_that_ended_lately_are_read_newest_first(
    read_model: SqlReadModel,
) -> None:
    old, late, later = (a_job(CANCELED, age=age) for age in (900, 20, 10))
    await take_in(read_model, later, old, late, a_job(STARTED, age=5))

    records = await read_model.ended_records(NOW - timedelta(seconds=60), 5)
    newest = await read_model.ended_records(NOW - timedelta(seconds=60), 1)

    assert [Record.model_validate_json(each) for each in records] == [later, late]
    assert newest == records[:1]
