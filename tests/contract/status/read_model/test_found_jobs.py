"""What actions and batches look for: jobs that nobody tried again, and slots that nothing fills."""

from datetime import UTC, datetime
from typing import Any

from heliograph.contracts.errors import Deadline
from heliograph.contracts.job_events import (
    Canceled,
    CancelRequested,
    Failed,
    JobEvent,
    Rendered,
    Started,
    Submitting,
    Succeeded,
)
from heliograph.contracts.queries.jobs import FindJobs, ListJobs
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BATCH = f"batch_{'0' * 26}"

failed = Failed(problem=Deadline().problem())
detached = CancelRequested(mode="detach")
SUCCESS = (
    Started(run=1),
    Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
    Rendered(run=1, outputs=[]),
    Succeeded(assets=[]),
)


def a_job(
    *facts: JobEvent, batch: str | None = None, again: Record | None = None, **fields: Any
) -> Record:
    record = a_record(**{"project": "demo", **fields})
    known = {"batch": batch, "retry_of": again.id if again else None}
    record = record.model_copy(update=known)
    for fact in facts:
        record = apply(record, fact, NOW)
    return record


async def take_in(read_model: SqlReadModel, *records: Record) -> None:
    cursor = await read_model.open("one")
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))


async def matching_ids(read_model: SqlReadModel, **query: Any) -> set[str]:
    return {each.id for each in await read_model.find(FindJobs(project="demo", **query))}


def ids(*records: Record) -> set[str]:
    return {record.id for record in records}


# -- jobs


async def test_jobs_are_found_in_any_of_several_states(read_model: SqlReadModel) -> None:
    broken, stopped, waiting = a_job(failed), a_job(Canceled()), a_job()
    await take_in(read_model, broken, stopped, waiting)

    assert await matching_ids(read_model, statuses=["failed", "canceled"]) == ids(broken, stopped)
    assert await matching_ids(read_model) == ids(broken, stopped, waiting)


async def test_jobs_are_found_by_what_narrows_a_list(read_model: SqlReadModel) -> None:
    tags = {"show": "s1", "act": "2"}
    one, other = a_job(failed, tags=tags), a_job(failed, tags={"show": "s1"})
    await take_in(read_model, one, other, a_job(failed))

    assert await matching_ids(read_model, tags={"show": "s1"}) == ids(one, other)
    assert await matching_ids(read_model, tags=tags, statuses=["failed"], untried=True) == ids(one)
    assert await matching_ids(read_model, q="lighthouse", kind="shot") == set()


async def test_one_job_more_than_requested_shows_that_there_are_others(
    read_model: SqlReadModel,
) -> None:
    await take_in(read_model, *(a_job() for _ in range(5)))

    assert len(await matching_ids(read_model, limit=3)) == 4


async def test_what_was_tried_again_is_not_found(read_model: SqlReadModel) -> None:
    first = a_job(failed)
    second = a_job(failed, again=first)
    third = a_job(again=second)
    await take_in(read_model, first, second, third)

    assert await matching_ids(read_model, untried=True) == ids(third)
    assert await matching_ids(read_model, untried=True, statuses=["failed"]) == set()
    assert await matching_ids(read_model, statuses=["failed"]) == ids(first, second)


async def test_of_a_slot_only_the_last_job_is_found(read_model: SqlReadModel) -> None:
    old, new = a_job(failed, slot="shot/1"), a_job(failed, slot="shot/1")
    elsewhere = a_job(failed, slot="shot/1", project="other")
    await take_in(
        read_model, old, new, elsewhere, a_job(failed, slot="shot/2"), a_job(slot="shot/2")
    )

    assert await matching_ids(read_model, untried=True, statuses=["failed"]) == ids(new)


async def test_what_was_taken_out_of_a_slot_does_not_count_for_it(read_model: SqlReadModel) -> None:
    old = a_job(failed, slot="shot/1")
    await take_in(read_model, old, a_job(detached, *SUCCESS, slot="shot/1"))

    assert ids(old) <= await matching_ids(read_model, untried=True)


async def test_a_batch_is_found_with_its_retries(read_model: SqlReadModel) -> None:
    first = a_job(failed, batch=BATCH)
    again = a_job(batch=BATCH, again=first)
    await take_in(read_model, first, again, a_job())

    assert await matching_ids(read_model, batch=BATCH) == ids(first, again)
    [retry] = await read_model.find(FindJobs(project="demo", batch=BATCH, retries=True))
    assert (retry.id, retry.retry_of) == (again.id, first.id)
    listed = await read_model.page(ListJobs(project="demo", batch=BATCH))
    assert {row.record.id for row in listed.rows} == ids(first, again)


# -- slots


async def test_a_slot_is_filled_by_its_open_job_else_by_its_latest_success(
    read_model: SqlReadModel,
) -> None:
    one, two = a_job(*SUCCESS, slot="a"), a_job(*SUCCESS, slot="a")
    open_one = a_job(slot="b")
    await take_in(
        read_model, one, two, open_one, a_job(*SUCCESS, slot="b"), a_job(failed, slot="c")
    )

    filled = await read_model.filled("demo", ["a", "b", "c", "d"])

    assert filled == {"a": two.id, "b": open_one.id}


async def test_what_was_canceled_or_detached_or_is_elsewhere_fills_nothing(
    read_model: SqlReadModel,
) -> None:
    await take_in(
        read_model,
        a_job(Canceled(), slot="a"),
        a_job(detached, *SUCCESS, slot="a"),
        a_job(*SUCCESS, slot="a", project="other"),
        a_job(*SUCCESS, slot="a/b"),
    )

    assert await read_model.filled("demo", ["a"]) == {}


async def test_five_hundred_slots_are_one_question(read_model: SqlReadModel) -> None:
    jobs = {f"shot/{n}": a_job(*SUCCESS, slot=f"shot/{n}") for n in range(0, 500, 2)}
    await take_in(read_model, *jobs.values())

    filled = await read_model.filled("demo", [f"shot/{n}" for n in range(500)])

    assert filled == {slot: job.id for slot, job in jobs.items()}
