"""The read model is the log up to its cursor: whole batches, one epoch, pages that hold still."""

import asyncio
import base64
import threading
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pytest

from heliograph.contracts.errors import (
    Deadline,
    SubmitOutcomeUnknown,
    Unavailable,
    ValidationFailed,
)
from heliograph.contracts.job_events import (
    Canceled,
    CancelRequested,
    Expired,
    Failed,
    JobEvent,
    Pruned,
    Rendered,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.log_budget import bytes_to_come
from heliograph.contracts.queries.jobs import ListJobs
from heliograph.contracts.records import Record, Reused
from heliograph.contracts.state_machine import apply
from services.status.read_model import CursorConflict, ReadModel
from services.status.read_model.job_cursors import cursor_after, read_cursor
from services.status.read_model.labels import as_text, flatten
from services.status.read_model.rows import IdleJob, Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record
from tests.support.snapshots import snapshot_pages, whole_snapshot

NOW = datetime(2030, 1, 1, tzinfo=UTC)

started = Started(run=1)
submitting = Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[])
in_the_dark = SubmitUnknown(run=1, problem=SubmitOutcomeUnknown().problem())
rendered = Rendered(run=1, outputs=[])
succeeded = Succeeded(assets=[])
expired = Expired(problem=Deadline().problem())
DONE = (started, submitting, rendered, succeeded)


def a_job(*facts: JobEvent, at: datetime = NOW, age: float = 0, **fields: Any) -> Record:
    """A job that was accepted so many seconds ago; each fact took a second."""
    at = at - timedelta(seconds=age)
    record = a_record(**{"project": "demo", **fields})
    internal = record.internal.model_copy(update={"changed_at": at})
    record = record.model_copy(update={"created_at": at, "internal": internal})
    for fact in facts:
        at += timedelta(seconds=1)
        record = apply(record, fact, at)
    return record


async def take_in(read_model: ReadModel, *records: Record) -> int:
    """Apply one event for each record, from the cursor on. Returns the cursor."""
    cursor = await read_model.open("one")
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))
    return cursor + len(rows)


async def listed_ids(read_model: ReadModel, **query: Any) -> list[str]:
    """Ids of the first page."""
    page = await read_model.page(ListJobs(**{"project": "demo", **query}))
    return [row.record.id for row in page.rows]


async def known(read_model: ReadModel, **query: Any) -> set[str]:
    return set(await listed_ids(read_model, **query))


def ids(*records: Record) -> list[str]:
    return [record.id for record in records]


# -- following the log


async def test_a_new_ledger_begins_before_the_first_event(read_model: SqlReadModel) -> None:
    assert await read_model.open("one") == 0


async def test_what_was_applied_is_found_and_the_cursor_moves(read_model: SqlReadModel) -> None:
    job = a_job(slot="shot/12", parameters={"price": "0.003"})

    await read_model.apply([Row(7, job)], 0, 9)

    assert await read_model.open("one") == 9
    assert (await read_model.page(ListJobs(project="demo"))).rows == [Row(7, job)]


async def test_a_batch_without_jobs_moves_the_cursor(read_model: SqlReadModel) -> None:
    await read_model.apply([], 0, 5)

    assert await read_model.open("one") == 5


async def test_the_last_event_of_a_job_is_the_one_that_is_kept(read_model: SqlReadModel) -> None:
    accepted = a_job()
    running = apply(accepted, started, NOW)
    done = apply(running, Canceled(), NOW)

    await read_model.apply([Row(1, accepted), Row(2, running)], 0, 2)
    await read_model.apply([Row(3, done)], 2, 3)

    assert (await read_model.page(ListJobs(project="demo"))).rows == [Row(3, done)]


@pytest.mark.parametrize("before", [0, 4, 6])
async def test_a_projector_that_is_out_of_step_changes_nothing(
    read_model: SqlReadModel, before: int
) -> None:
    await read_model.apply([], 0, 5)

    with pytest.raises(CursorConflict):
        await read_model.apply([Row(before + 1, a_job())], before, before + 1)
    assert await read_model.open("one") == 5
    assert await listed_ids(read_model) == []


async def test_another_epoch_begins_anew(read_model: SqlReadModel) -> None:
    await take_in(read_model, a_job(tags={"show": "s1"}), a_job())

    assert await read_model.open("two") == 0
    assert await listed_ids(read_model) == []
    assert await listed_ids(read_model, tags={"show": "s1"}) == []


async def test_a_ledger_can_be_built_again_from_the_log(read_model: SqlReadModel) -> None:
    jobs = [a_job(tags={"show": "s1"}, age=n) for n in range(3)]
    await take_in(read_model, *jobs)
    await read_model.open("two")

    await read_model.apply([Row(n, job) for n, job in enumerate(jobs, start=1)], 0, 3)

    assert await listed_ids(read_model, tags={"show": "s1"}) == ids(*jobs)


async def test_what_was_written_outlives_the_process(
    read_model: SqlReadModel, database: str
) -> None:
    job = a_job()
    await take_in(read_model, job)
    await read_model.aclose()

    another = SqlReadModel(database)
    await another.prepare()

    assert await another.open("one") == 1
    assert await listed_ids(another) == [job.id]
    await another.aclose()


async def test_two_projectors_on_one_database_follow_each_other(
    read_model: SqlReadModel, another: SqlReadModel
) -> None:
    await another.apply([], await another.open("one"), 3)

    with pytest.raises(CursorConflict):
        await read_model.apply([], 0, 3)
    assert await read_model.open("one") == 3


async def test_of_two_projectors_at_once_one_is_out_of_step(
    read_model: SqlReadModel, another: SqlReadModel
) -> None:
    job = a_job()

    outcomes = await asyncio.gather(
        read_model.apply([Row(1, job)], 0, 1),
        another.apply([Row(1, job)], 0, 1),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes if outcome] == [CursorConflict]
    assert await listed_ids(read_model) == [job.id]


async def follow(read_model: ReadModel, log: list[Row], size: int, over: asyncio.Event) -> None:
    """What a projector does, so many events at a time, until one is at the end."""
    cursor = await read_model.open("one")
    while cursor < len(log) and not over.is_set():
        rows = log[cursor : cursor + size]
        try:
            await read_model.apply(rows, cursor, cursor + len(rows))
            cursor += len(rows)
        except CursorConflict:
            cursor = await read_model.open("one")
    over.set()


async def test_two_projectors_of_one_log_lose_nothing_and_double_nothing(
    read_model: SqlReadModel, another: SqlReadModel
) -> None:
    jobs = [a_job(slot="shot/1", tags={"show": "s1"}, age=age) for age in range(20)]
    lives = [accumulate(DONE, lambda job, fact: apply(job, fact, NOW), initial=job) for job in jobs]
    log = [Row(n, record) for n, record in enumerate(chain(*lives), start=1)]

    over = asyncio.Event()
    await asyncio.gather(follow(read_model, log, 7, over), follow(another, log, 3, over))

    assert await read_model.cursor() == len(log)
    page = await read_model.page(ListJobs(project="demo", tags={"show": "s1"}))
    assert page.rows == log[len(DONE) :: len(DONE) + 1]
    versions = await read_model.versions("demo", "shot/1", 0, 100)
    assert [(row.version, row.record.id) for row in versions] == list(enumerate(ids(*jobs), 1))


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/nowhere/status.sqlite")
    threads = set(threading.enumerate())

    with pytest.raises(Unavailable, match="the database does not answer"):
        await read_model.check()
    await read_model.aclose()
    for thread in set(threading.enumerate()) - threads:
        await asyncio.to_thread(thread.join)  # the driver's own: it may not outlive the loop


async def test_a_database_that_is_there_is_ready(read_model: SqlReadModel) -> None:
    await read_model.check()


# -- pages


async def test_the_newest_jobs_come_first(read_model: SqlReadModel) -> None:
    old, new, middle = a_job(age=30), a_job(age=10), a_job(age=20)
    await take_in(read_model, old, new, middle)

    assert await listed_ids(read_model) == ids(new, middle, old)


async def test_jobs_of_the_same_moment_have_an_order(read_model: SqlReadModel) -> None:
    jobs = [a_job() for _ in range(5)]
    await take_in(read_model, *jobs)

    assert await listed_ids(read_model) == sorted(ids(*jobs), reverse=True)


async def all_pages(read_model: ReadModel, limit: int, *arriving: Record) -> list[list[str]]:
    """Every page of the list, while new jobs come in between."""
    arrivals, cursor, pages = list(arriving), None, []
    while True:
        page = await read_model.page(ListJobs(project="demo", limit=limit, cursor=cursor))
        pages.append([row.record.id for row in page.rows])
        if page.next is None:
            return pages
        cursor = page.next
        if arrivals:
            await take_in(read_model, arrivals.pop())


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8, 200])
async def test_pages_together_are_the_list(read_model: SqlReadModel, limit: int) -> None:
    jobs = [a_job(age=n // 2) for n in range(7)]
    await take_in(read_model, *jobs)

    pages = await all_pages(read_model, limit)

    assert all(len(page) == limit for page in pages[:-1])
    assert [job for page in pages for job in page] == await listed_ids(read_model, limit=200)


async def test_new_jobs_do_not_move_the_pages_that_follow(read_model: SqlReadModel) -> None:
    jobs = [a_job(age=100 + n) for n in range(9)]
    await take_in(read_model, *jobs)

    pages = await all_pages(read_model, 2, *(a_job(age=n) for n in range(4)))

    assert [job for page in pages for job in page] == ids(*jobs)


async def test_a_job_that_changes_between_pages_keeps_its_place(read_model: SqlReadModel) -> None:
    jobs = [a_job(age=100 + n) for n in range(6)]
    await take_in(read_model, *jobs)
    changed = [apply(job, Canceled(), NOW) for job in (jobs[0], jobs[5])]

    pages = await all_pages(read_model, 2, *changed)

    assert [job for page in pages for job in page] == ids(*jobs)


async def test_an_empty_list_is_one_empty_page(read_model: SqlReadModel) -> None:
    page = await read_model.page(ListJobs(project="demo"))

    assert (page.rows, page.next) == ([], None)


def test_a_cursor_leads_back_to_its_job() -> None:
    job = a_job()

    created, named = read_cursor(cursor_after(job))

    assert named == job.id
    assert created == job.created_at.timestamp() * 1_000_000


JOB = "job_01M7ZF5BNNQYQWNDKJFSCJKC5B"  # the same in every test process: it is in names of tests


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "!", "abc", "é", "=", "_w"),
        *map(encoded, ["5", "5.a.b", f"x.{JOB}", "5.job_1", f"5.{JOB}\0", f"-1.{JOB}"]),
        encoded(f"{2**63}.{JOB}"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_unknown_cursor_is_refused(read_model: SqlReadModel, cursor: str) -> None:
    with pytest.raises(ValidationFailed) as error:
        await read_model.page(ListJobs(project="demo", cursor=cursor))

    assert [each.pointer for each in error.value.errors] == ["/query/cursor"]


async def test_a_cursor_may_be_of_any_time(read_model: SqlReadModel) -> None:
    await take_in(read_model, job := a_job())

    assert await listed_ids(read_model, cursor=encoded(f"{2**63 - 1}.{JOB}")) == [job.id]
    assert await listed_ids(read_model, cursor=encoded(f"0.{JOB}")) == []


# -- filters


async def test_a_project_sees_its_own_jobs(read_model: SqlReadModel) -> None:
    mine, _ = jobs = a_job(), a_job(project="other")
    await take_in(read_model, *jobs)

    assert await listed_ids(read_model) == [mine.id]
    assert await listed_ids(read_model, project="nobody") == []


@pytest.mark.parametrize(
    ("status", "number"),
    [("queued", 1), ("running", 2), ("succeeded", 1), ("canceled", 1), ("failed", 0)],
)
async def test_jobs_are_found_by_status(read_model: SqlReadModel, status: str, number: int) -> None:
    await take_in(
        read_model,
        a_job(),
        a_job(started),
        a_job(started, submitting, in_the_dark),
        a_job(started, submitting, rendered, succeeded),
        a_job(Canceled()),
    )

    assert len(await listed_ids(read_model, status=status)) == number


async def test_jobs_are_found_by_kind_model_and_user(read_model: SqlReadModel) -> None:
    jobs = a_job(kind="portrait", user="alice"), a_job(kind="scenes", user="bob"), a_job()
    await take_in(read_model, *jobs)

    assert await listed_ids(read_model, kind="portrait") == [jobs[0].id]
    assert await listed_ids(read_model, model="sim/text") == [jobs[1].id]
    assert await listed_ids(read_model, user="bob") == [jobs[1].id]
    assert await listed_ids(read_model, user="b") == []


async def test_a_slot_is_a_prefix(read_model: SqlReadModel) -> None:
    one, two, other = (
        a_job(slot="cast/alice/ref_a"),
        a_job(slot="cast/alice2/ref_a"),
        a_job(slot="shot/12"),
    )
    await take_in(read_model, one, two, other, a_job())

    assert await known(read_model, slot="cast/alice") == {one.id, two.id}
    assert await known(read_model, slot="cast/alice/") == {one.id}
    assert await known(read_model, slot="shot/12") == {other.id}
    assert await known(read_model, slot="ast") == set()


async def test_a_detached_job_is_not_found_by_its_slot(read_model: SqlReadModel) -> None:
    job = a_job(CancelRequested(mode="detach"), slot="shot/12")
    await take_in(read_model, job)

    assert await listed_ids(read_model, slot="shot") == []
    assert await listed_ids(read_model) == [job.id]


async def test_a_slot_is_found_as_it_is_spelled(read_model: SqlReadModel) -> None:
    small, capital, spaced = (a_job(slot=slot) for slot in ("shot/a", "Shot/a", "shot_a"))
    await take_in(read_model, small, capital, spaced)

    assert await listed_ids(read_model, slot="shot/") == [small.id]
    assert await listed_ids(read_model, slot="Shot") == [capital.id]
    assert await listed_ids(read_model, slot="shot_") == [spaced.id]
    assert await listed_ids(read_model, slot="shot%") == []


async def test_tags_and_parameters_are_found_by_value(read_model: SqlReadModel) -> None:
    one = a_job(tags={"show": "s1", "act": "2"}, parameters={"seed": 7})
    two = a_job(tags={"show": "s1"}, parameters={"seed": 8})
    await take_in(read_model, one, two)

    assert await known(read_model, tags={"show": "s1"}) == {one.id, two.id}
    assert await known(read_model, tags={"show": "s1", "act": "2"}) == {one.id}
    assert await known(read_model, tags={"show": "s1"}, parameters={"seed": "8"}) == {two.id}
    assert await known(read_model, tags={"seed": "7"}) == set()
    assert await known(read_model, tags={"show": "s"}) == set()


async def test_text_is_found_in_prompts_however_it_is_capitalised(read_model: SqlReadModel) -> None:
    job = a_job(prompt="A Lighthouse at dusk")
    await take_in(read_model, job, a_job(prompt="a boat"))

    assert await listed_ids(read_model, q="lightHOUSE") == [job.id]
    assert await listed_ids(read_model, q="house at") == [job.id]


@pytest.mark.parametrize(
    ("prompt", "phrase"),
    [
        ("Ärger im Café", "ÄRGER IM CAFÉ"),
        ("ärger", "Ä"),
        ("Große Straße", "GROSSE STRASSE"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Маяк на закате", "МАЯК"),
        ("灯台と夕日", "灯台"),
        ("A B", "b"),
        ("zero\0width", "O\0W"),
    ],
)
async def test_text_is_found_in_every_language(
    read_model: SqlReadModel, prompt: str, phrase: str
) -> None:
    job = a_job(prompt=prompt)
    await take_in(read_model, job, a_job(prompt="else"))

    assert await listed_ids(read_model, q=phrase) == [job.id]
    assert await listed_ids(read_model, q=prompt.swapcase()) == [job.id]


async def test_what_people_write_may_have_zeros_in_it(read_model: SqlReadModel) -> None:
    written: dict[str, Any] = {"user": "a\0", "tags": {"show": "s\0"}}
    job = a_job(**written)
    await take_in(read_model, job, a_job())

    assert await listed_ids(read_model, **written) == [job.id]
    assert (await read_model.page(ListJobs(project="demo", user="a\0"))).rows[0].record == job


@pytest.mark.parametrize("special", ["%", "_", "/", "\\", "'", '"', "--", "[a]", "*", "🗼"])
async def test_no_character_is_special_in_a_search(read_model: SqlReadModel, special: str) -> None:
    job = a_job(prompt=f"50{special}off", tags={"a": special}, user=special)
    await take_in(read_model, job, a_job(prompt="50 xoff", tags={"a": "x"}, user="x"))

    assert await listed_ids(read_model, q=special) == [job.id]
    assert await listed_ids(read_model, q=f"0{special}o") == [job.id]
    assert await listed_ids(read_model, tags={"a": special}) == [job.id]
    assert await listed_ids(read_model, user=special) == [job.id]


async def test_no_character_is_special_in_a_slot(read_model: SqlReadModel) -> None:
    job = a_job(slot="ref_a")
    await take_in(read_model, job, a_job(slot="ref-a"))

    assert await listed_ids(read_model, slot="ref_") == [job.id]
    assert await listed_ids(read_model, slot="%") == []


async def test_bounds_are_inclusive(read_model: SqlReadModel) -> None:
    jobs = [a_job(age=age) for age in (30, 20, 10)]
    await take_in(read_model, *jobs)
    at = jobs[1].created_at
    moment = timedelta(microseconds=1)

    assert await known(read_model, created_after=at) == set(ids(*jobs[1:]))
    assert await known(read_model, created_before=at) == set(ids(*jobs[:2]))
    assert await known(read_model, created_after=at, created_before=at) == {jobs[1].id}
    assert await known(read_model, created_after=at + moment) == {jobs[2].id}
    assert await known(read_model, created_before=at - moment) == {jobs[0].id}


async def test_bounds_may_be_of_any_zone(read_model: SqlReadModel) -> None:
    job = a_job()
    await take_in(read_model, job)

    bound = datetime.fromisoformat("2030-01-01T02:00:00+02:00")
    assert await listed_ids(read_model, created_after=bound, created_before=bound) == [job.id]


async def test_filters_narrow_each_other_and_their_pages(read_model: SqlReadModel) -> None:
    jobs = [a_job(tags={"show": "s1"}, slot=f"shot/{n}", age=n) for n in range(5)]
    await take_in(read_model, *jobs, *(a_job(slot=f"shot/{n}", age=n) for n in range(5)))
    query = ListJobs(project="demo", tags={"show": "s1"}, slot="shot/", status="queued", limit=3)

    first = await read_model.page(query)
    second = await read_model.page(query.model_copy(update={"cursor": first.next}))

    assert ids(*(row.record for row in first.rows + second.rows)) == ids(*jobs)
    assert second.next is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (0.5, "0.5"), (True, "true"), (False, "false"), ("16:9", "16:9")],
)
def test_a_parameter_is_written_as_people_write_it(value: object, text: str) -> None:
    assert as_text(value) == text


def test_labels_are_tags_and_parameters() -> None:
    job = a_job(tags={"seed": "x"}, parameters={"seed": 7})

    assert flatten(job) == {"tag.seed": "x", "param.seed": "7", "param.seconds": "0"}


# -- snapshots


async def snapped(read_model: ReadModel, jobs: list[str] | None = None) -> tuple[int, list[str]]:
    sequence = await read_model.head("one")
    return sequence, [row.record.id for row in await whole_snapshot(read_model, jobs, at=NOW)]


async def test_a_snapshot_is_of_the_cursor_and_oldest_first(read_model: SqlReadModel) -> None:
    jobs = [a_job(age=n) for n in (30, 20, 10)]
    cursor = await take_in(read_model, *reversed(jobs))
    await read_model.apply([], cursor, 40)

    assert await snapped(read_model) == (40, ids(*jobs))


async def test_a_snapshot_of_nothing_still_is_of_a_moment(read_model: SqlReadModel) -> None:
    await read_model.apply([Row(3, a_job(project="other"))], 0, 3)

    assert await snapped(read_model) == (3, [])


async def test_a_snapshot_has_what_is_not_final_or_became_so_lately(
    read_model: SqlReadModel,
) -> None:
    waiting = a_job(age=90_000)
    edge = a_job(Canceled(), age=1801)
    lately = a_job(started, Canceled(), age=60)
    await take_in(read_model, waiting, a_job(Canceled(), age=1802), edge, lately)

    assert await snapped(read_model) == (4, ids(waiting, edge, lately))


async def test_a_snapshot_of_named_jobs_has_them_whatever_they_are(
    read_model: SqlReadModel,
) -> None:
    old, other, foreign = a_job(Canceled(), age=90_000), a_job(), a_job(project="other")
    await take_in(read_model, old, other, foreign)

    assert await snapped(read_model, [old.id, foreign.id, "job_x"]) == (3, [old.id])


async def test_a_snapshot_has_each_job_at_its_last_event(read_model: SqlReadModel) -> None:
    job = a_job()
    running = apply(job, started, NOW)
    await take_in(read_model, job, running)

    assert await whole_snapshot(read_model, at=NOW) == [Row(2, running)]


async def test_a_snapshot_has_everything_up_to_its_sequence(
    read_model: SqlReadModel, another: SqlReadModel
) -> None:
    """What is newer may be in it, too, and says so."""

    async def project() -> None:
        for number in range(30):
            await read_model.apply([Row(number + 1, a_job(age=number))], number, number + 1)

    async def look() -> list[tuple[int, int]]:
        seen = [(0, 0)]
        while seen[-1][0] < 30:
            sequence, jobs = await snapped(another)
            seen.append((sequence, len(jobs)))
        return seen

    _, seen = await asyncio.gather(project(), look())
    assert all(sequence <= jobs for sequence, jobs in seen)


@pytest.mark.parametrize("named", [False, True])
async def test_a_snapshot_comes_in_pages_of_so_many_jobs_and_bytes(
    read_model: SqlReadModel, named: bool
) -> None:
    jobs = [a_job(age=100 - n // 3, prompt="x" * 1_000) for n in range(10)]
    await take_in(read_model, *jobs)
    named_ids = ids(*jobs) if named else None
    size = len(jobs[0].model_dump_json())

    for limit, room, pages in ((4, 2**20, [4, 4, 2]), (100, 3 * size + 99, [3, 3, 3, 1])):
        snapshot = snapshot_pages(read_model, named_ids, at=NOW, limit=limit, room=room)
        rows = [[row.record.id for row in page] async for page in snapshot]

        order = sorted(jobs, key=lambda job: (job.created_at, job.id))
        assert [len(page) for page in rows if page] == pages
        assert [job for page in rows for job in page] == ids(*order)


async def test_a_job_that_is_larger_than_a_page_has_one_of_its_own(
    read_model: SqlReadModel,
) -> None:
    jobs = [a_job(age=9 - n, prompt="x" * 5_000) for n in range(3)]
    await take_in(read_model, *jobs)

    pages = [rows async for rows in snapshot_pages(read_model, at=NOW, room=1)]

    assert [len(page) for page in pages if page] == [1, 1, 1]


async def test_a_job_that_ends_between_two_pages_is_in_the_snapshot(
    read_model: SqlReadModel,
) -> None:
    jobs = [a_job(age=20 - n) for n in range(6)]
    await take_in(read_model, *jobs)
    seen: dict[str, str] = {}

    async for rows in snapshot_pages(read_model, at=NOW, limit=2):
        seen |= {row.record.id: row.record.status for row in rows}
        if len(seen) == 2:  # one that was shown, and one that was not yet
            await take_in(
                read_model, apply(jobs[0], Canceled(), NOW), apply(jobs[5], Canceled(), NOW)
            )

    assert set(seen) == set(ids(*jobs))
    assert (seen[jobs[0].id], seen[jobs[5].id]) == ("canceled", "canceled")


async def test_there_is_no_snapshot_of_another_history(read_model: SqlReadModel) -> None:
    with pytest.raises(Unavailable):
        await read_model.head("two")


async def test_there_is_no_snapshot_before_the_first_projection(database: str) -> None:
    read_model = SqlReadModel(database)
    await read_model.prepare()

    with pytest.raises(Unavailable):
        await snapped(read_model)
    await read_model.aclose()


# -- what the reaper and the janitor look for


async def test_jobs_that_nothing_happened_to_are_found_the_quietest_first(
    read_model: SqlReadModel,
) -> None:
    quiet, quieter = a_job(started, age=100), a_job(age=200)
    await take_in(read_model, quiet, quieter, a_job(age=10), a_job(Canceled(), age=900))

    at = NOW - timedelta(seconds=60)
    idle = await read_model.unchanged_since(at, 10)
    assert idle == [IdleJob(job.internal.changed_at, job.id) for job in (quieter, quiet)]
    assert await read_model.unchanged_since(at, 1) == idle[:1]


async def test_a_look_at_what_nothing_happens_to_goes_on_where_it_stopped(
    read_model: SqlReadModel,
) -> None:
    """Jobs of one moment have an order, too."""
    jobs = [a_job(age=100 + age // 3) for age in range(10)]
    await take_in(read_model, *jobs)
    looks: list[list[IdleJob]] = [[]]

    while idle := await read_model.unchanged_since(NOW, 4, looks[-1][-1] if looks[-1] else None):
        looks.append(idle)

    assert [len(look) for look in looks] == [0, 4, 4, 2]
    order = sorted(jobs, key=lambda job: (job.internal.changed_at, job.id))
    assert [each.id for look in looks for each in look] == ids(*order)


async def test_a_job_past_its_deadline_is_due(read_model: SqlReadModel) -> None:
    real = datetime.now(UTC)
    soon = real + timedelta(hours=1)
    late = [a_job(finish_by=soon, at=real), a_job(started, finish_by=soon, at=real)]
    later = a_job(finish_by=soon + timedelta(hours=1), at=real)
    await take_in(read_model, *late, later, a_job(), a_job(Canceled(), finish_by=soon, at=real))

    assert set(await read_model.due(soon, NOW - timedelta(days=9), 10)) == set(ids(*late))
    assert len(await read_model.due(soon, NOW - timedelta(days=9), 1)) == 1
    assert await read_model.due(soon - timedelta(seconds=1), NOW - timedelta(days=9), 10) == []


async def test_an_undecided_submission_is_due(read_model: SqlReadModel) -> None:
    dark = (started, submitting, in_the_dark)
    old = a_job(*dark, age=100)
    await take_in(read_model, old, a_job(*dark, age=50), a_job(started, submitting, age=900))

    assert await read_model.due(NOW, NOW - timedelta(seconds=60), 10) == [old.id]


async def test_what_ended_long_ago_is_trimmed_once(read_model: SqlReadModel) -> None:
    old, older = a_job(Canceled(), age=100), a_job(expired, project="other", age=200)
    await take_in(read_model, old, older, a_job(Canceled(), age=10), a_job(age=900))
    at = NOW - timedelta(seconds=60)

    assert await _untrimmed(read_model, at) == [("other", older.id), ("demo", old.id)]
    assert len(await read_model.untrimmed(at, 1)) == 1
    await read_model.trimmed([older.id])
    assert await _untrimmed(read_model, at) == [("demo", old.id)]


def pruned(*facts: JobEvent, **fields: Any) -> Record:
    """A job that was pruned after it had ended, long ago."""
    return a_job(*facts, Pruned(ended=1), age=1_000, **fields)


async def test_a_record_expires_when_nothing_else_is_left(read_model: SqlReadModel) -> None:
    named, plain = pruned(*DONE), pruned(Canceled())
    with_objects, version = pruned(*DONE), pruned(*DONE, slot="shot/1")
    user = a_job(after=[named.id])
    kept, young = a_job(Canceled(), age=1_000), a_job(Canceled(), Pruned(ended=1), age=10)
    cursor = await take_in(read_model, named, plain, with_objects, version, user, kept, young)
    await read_model.objects_deleted(ids(named, plain, version, young))
    at = NOW - timedelta(seconds=500)

    expired = await read_model.expired(at, 10, [])
    await read_model.removed(expired)

    assert [(each.project, each.id) for each in expired] == [("demo", plain.id)]
    others = ids(named, with_objects, version, user, kept, young)
    assert (await read_model.statuses([plain.id, *others])).keys() == set(others)
    assert await read_model.cursor() == cursor
    assert await read_model.expired(at, 10, []) == []


async def test_what_cost_something_stays_where_a_budget_counts_it(read_model: SqlReadModel) -> None:
    failed = Failed(problem=SubmitOutcomeUnknown().problem(), charged="unknown")
    charged = pruned(started, submitting, failed, parameters={"price": "0.25"})
    await take_in(read_model, charged, a_job())
    await read_model.objects_deleted([charged.id])

    assert await read_model.expired(NOW, 10, ["demo"]) == []
    assert [each.id for each in await read_model.expired(NOW, 10, ["other"])] == [charged.id]


async def test_a_job_that_had_another_event_meanwhile_is_not_forgotten(
    read_model: SqlReadModel,
) -> None:
    job = pruned(Canceled())
    await take_in(read_model, job, a_job())
    await read_model.objects_deleted([job.id])
    expired = await read_model.expired(NOW, 10, [])
    cursor = await read_model.cursor()
    await read_model.apply([Row(cursor + 1, job)], cursor, cursor + 1)

    await read_model.removed(expired)

    assert job.id in await read_model.statuses([job.id])


async def test_trimming_nothing_changes_nothing(read_model: SqlReadModel) -> None:
    job = a_job(Canceled(), age=100)
    await take_in(read_model, job)

    await read_model.trimmed([])

    assert await _untrimmed(read_model, NOW) == [("demo", job.id)]


async def _untrimmed(read_model: SqlReadModel, at: datetime) -> list[tuple[str, str]]:
    return [(each.project, each.id) for each in await read_model.untrimmed(at, 10)]


# -- the event log


async def test_what_projects_take_of_the_log_is_counted(read_model: SqlReadModel) -> None:
    mine, theirs = a_job(Canceled()), a_job(started, project="other")
    rows = [
        Row(1, mine, log_bytes=700, last_bytes=300),
        Row(2, theirs, log_bytes=50, last_bytes=50),
    ]
    await read_model.apply(rows, 0, 2, others={"other": 40})
    await read_model.apply([Row(3, mine, log_bytes=200, last_bytes=200)], 2, 3)

    usage = await read_model.usage(10)

    reserve = bytes_to_come(theirs, 50)
    assert usage.projects == {"demo": 900, "other": 90 + reserve}
    assert (usage.sequence, usage.reserve) == (3, reserve)

    assert [each.id for each in await read_model.histories(10)] == [mine.id]
    await read_model.trimmed([mine.id])
    assert (await read_model.usage(1)).projects.keys() == {"other"}
    assert (await read_model.usage(10)).projects["demo"] == 200
    assert await read_model.histories(10) == []


async def test_large_records_of_what_ended_long_ago_can_be_compacted(
    read_model: SqlReadModel,
) -> None:
    old, new, small = (
        a_job(Canceled(), age=100),
        a_job(Canceled(), age=1),
        a_job(Canceled(), age=99),
    )
    await read_model.apply([Row(1, old, None, 9_000, 9_000), Row(2, new, None, 9_000, 9_000)], 0, 2)
    await read_model.apply([Row(3, small, None, 10, 10)], 2, 3)
    at = NOW - timedelta(seconds=60)

    assert await read_model.compactable(at, 2_000, 10) == [old.id]
    assert await read_model.compactable(at, 2_000, 10, "other") == []


# -- results


def with_digest(record: Record, digest: str, **internal: Any) -> Record:
    changed = record.internal.model_copy(update={"result_digest": digest, **internal})
    return record.model_copy(update={"internal": changed})


async def test_a_result_is_found_by_what_its_provider_got(read_model: SqlReadModel) -> None:
    done = [with_digest(a_job(*DONE), each) for each in ("one", "one", "two")]
    theirs = with_digest(a_job(*DONE, project="other"), "three")
    await take_in(read_model, *done, theirs)

    assert await read_model.result("demo", "one") == done[1].id, "the last one"
    assert await read_model.result("demo", "two") == done[2].id
    assert await read_model.result("demo", "three") is None


async def test_only_what_was_made_is_a_result(read_model: SqlReadModel) -> None:
    reused = Reused(job="job_1", assets=[])
    await take_in(
        read_model,
        with_digest(a_job(started, submitting), "running"),
        with_digest(a_job(Canceled()), "canceled"),
        with_digest(a_job(*DONE), "given", reused=reused),
    )

    for digest in ("running", "canceled", "given"):
        assert await read_model.result("demo", digest) is None


# -- requests at providers


async def test_requests_are_known_by_the_attempts_of_all_jobs(read_model: SqlReadModel) -> None:
    made = [Submitted(run=1, request_id=name) for name in ("one", "two", "three")]
    running = a_job(started, submitting, made[0])
    ended = a_job(started, submitting, made[1], rendered, succeeded, project="other")
    pruned = apply(a_job(started, submitting, made[2], rendered, succeeded), Pruned(ended=9), NOW)
    await take_in(read_model, running, ended, pruned, a_job(started, submitting))

    known = await read_model.requests("sim", ["one", "two", "three", "four"])

    assert set(known) == {"one", "two", "three"}
    assert await read_model.requests("fal", ["one", "two"]) == []
    assert await read_model.requests("sim", []) == []
