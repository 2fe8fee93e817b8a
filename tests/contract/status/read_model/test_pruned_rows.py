"""What was pruned is gone from lists and slots, keeps its number, and stays gone after a rebuild."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.errors import Deadline
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Expired,
    JobEvent,
    Pruned,
    Rendered,
    Started,
    Submitting,
    Succeeded,
)
from heliograph.contracts.queries.jobs import FindJobs, ListJobs
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from heliograph.contracts.records import Record
from heliograph.contracts.retention import Rule
from heliograph.contracts.state_machine import apply
from services.gateway.jobs.result_cache import apply_cached
from services.status.read_model.rows import FinishedJob, Row
from services.status.read_model.slot_rows import SlotRows
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record
from tests.support.snapshots import whole_snapshot

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOT = "cast/alice/ref_a"
DIGEST = "d" * 64

NOTHING = Rule(versions=1, days=0, failed_days=0)

expired = Expired(problem=Deadline().problem())


def an_asset(job: str, index: int = 0) -> Asset:
    variant = Variant(media_type="image/webp", width=2, height=2, bytes=10, sha256="1" * 64)
    return Asset(
        id=asset_id(job, index),
        index=index,
        media_type="image/png",
        bytes=100,
        sha256="0" * 64,
        variants={"thumbnail": variant, "webp": variant},
    )


def a_job(*facts: JobEvent, at: datetime = NOW, **fields: Any) -> Record:
    record = a_record(**{"project": "demo", "slot": SLOT, **fields})
    for fact in facts:
        record = apply(record, fact, at)
    return record


def a_success(at: datetime = NOW, **fields: Any) -> Record:
    record = a_job(
        Started(run=1),
        Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
        Rendered(run=1, outputs=[]),
        at=at,
        **fields,
    )
    return apply(record, Succeeded(assets=[an_asset(record.id)]), at)


def with_digest(record: Record) -> Record:
    internal = record.internal.model_copy(update={"result_digest": DIGEST})
    return record.model_copy(update={"internal": internal})


async def take_in(read_model: SqlReadModel, *records: Record) -> list[Row]:
    """One event for each record."""
    cursor = await read_model.cursor()
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))
    return rows


async def prune(read_model: SqlReadModel, row: Row, at: datetime = NOW) -> Row:
    [pruned] = await take_in(read_model, apply(row.record, Pruned(ended=row.sequence), at))
    return pruned


async def listed(read_model: SqlReadModel, **query: Any) -> list[str]:
    page = await read_model.page(ListJobs(**{"project": "demo", **query}))
    return [row.record.id for row in page.rows]


async def versions(
    read_model: SqlReadModel, after: int = 0, limit: int = 10
) -> dict[int | None, str]:
    rows = await read_model.versions("demo", SLOT, after, limit)
    return {row.version: row.record.id for row in rows}


async def ended(read_model: SqlReadModel) -> dict[str, FinishedJob]:
    """Everything that is over: nothing of it is kept."""
    return {job.id: job for job in await read_model.ended("demo", NOTHING, NOW)}


# -- lists


async def test_a_pruned_job_is_in_no_list(read_model: SqlReadModel) -> None:
    rows = await take_in(read_model, a_success(tags={"show": "s1"}), a_success(tags={"show": "s1"}))
    kept = rows[1].record.id

    await prune(read_model, rows[0])

    assert await listed(read_model) == [kept]
    assert await listed(read_model, tags={"show": "s1"}) == [kept]
    assert await listed(read_model, q="lighthouse") == [kept]
    assert await listed(read_model, status="succeeded") == [kept]
    assert [each.id for each in await read_model.find(FindJobs(project="demo"))] == [kept]


async def test_a_batch_still_knows_which_of_its_jobs_were_tried_again(
    read_model: SqlReadModel,
) -> None:
    first = a_job(expired)
    again = a_success().model_copy(update={"retry_of": first.id})
    rows = await take_in(read_model, first, again)

    await prune(read_model, rows[1])

    [retry] = await read_model.find(FindJobs(project="demo", retries=True))
    assert (retry.id, retry.retry_of) == (again.id, first.id)


async def test_a_pruned_result_is_not_used_again(read_model: SqlReadModel) -> None:
    [row] = await take_in(read_model, with_digest(a_success()))
    assert await read_model.result("demo", DIGEST) == row.record.id

    await prune(read_model, row)

    assert await read_model.result("demo", DIGEST) is None


async def test_the_latest_result_is_the_one_that_was_made_last(read_model: SqlReadModel) -> None:
    """What is learned about an older one after its end makes it no newer."""
    first, second = with_digest(a_success()), with_digest(a_success())
    await take_in(read_model, first, second)
    await take_in(read_model, apply(first, AttemptCompleted(run=1, ended=1), NOW))

    assert await read_model.result("demo", DIGEST) == second.id


async def test_a_pruned_job_is_in_no_snapshot_but_one_that_names_it(
    read_model: SqlReadModel,
) -> None:
    [row] = await take_in(read_model, a_success())
    await prune(read_model, row)

    named = await whole_snapshot(read_model, [row.record.id], at=NOW)

    assert await whole_snapshot(read_model, at=NOW) == []
    assert [each.record.pruned_at for each in named] == [NOW]


async def test_to_be_pruned_makes_no_old_job_a_recent_one(read_model: SqlReadModel) -> None:
    """A snapshot has what ended within half an hour; whatever happened to it since."""
    long_ago = NOW - timedelta(days=90)
    [row] = await take_in(read_model, a_success(at=long_ago))
    await prune(read_model, row)

    assert await whole_snapshot(read_model, at=NOW) == []


# -- what leaves the live snapshot stays in the history


async def test_what_ended_half_an_hour_ago_leaves_the_snapshot_and_nothing_else(
    read_model: SqlReadModel,
) -> None:
    old = a_success(at=NOW - timedelta(minutes=30, seconds=1))
    new = a_success(at=NOW - timedelta(minutes=29, seconds=59))
    await take_in(read_model, old, new)

    snapshot = await whole_snapshot(read_model, at=NOW)

    assert [row.record.id for row in snapshot] == [new.id]
    assert set(await listed(read_model)) == {old.id, new.id}
    assert await versions(read_model) == {1: old.id, 2: new.id}


# -- slots


async def test_versions_keep_their_numbers_when_others_go(read_model: SqlReadModel) -> None:
    rows = await take_in(read_model, *(a_success() for _ in range(4)))
    await prune(read_model, rows[1])
    await prune(read_model, rows[0])

    assert await versions(read_model) == {3: rows[2].record.id, 4: rows[3].record.id}
    assert await versions(read_model, after=0, limit=1) == {3: rows[2].record.id}
    assert await versions(read_model, after=3) == {4: rows[3].record.id}


async def test_what_was_pruned_last_is_not_the_newest_version(read_model: SqlReadModel) -> None:
    rows = await take_in(read_model, a_success(), a_success())
    await prune(read_model, rows[0])

    [slot] = (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots

    assert slot.versions == 2
    assert slot.latest
    assert slot.latest.record.id == rows[1].record.id
    assert await read_model.filled("demo", [SLOT]) == {SLOT: rows[1].record.id}


async def test_failures_before_a_success_stay_behind_it_when_they_go(
    read_model: SqlReadModel,
) -> None:
    rows = await take_in(read_model, a_job(expired), a_success(), a_job(expired))
    await prune(read_model, rows[0])

    [slot] = (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots
    assert [row.record.id for row in slot.failures] == [rows[2].record.id]
    await prune(read_model, rows[2])
    [slot] = (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots
    assert slot.failures == []


async def test_a_slot_stays_for_as_long_as_one_of_its_jobs(read_model: SqlReadModel) -> None:
    rows = await take_in(read_model, a_job(Canceled()), a_job(expired), a_job(expired))
    await prune(read_model, rows[1])
    await prune(read_model, rows[2])

    nothing = SlotRows(slot=SLOT, versions=0, latest=None, active=None, failures=[])
    assert (await read_model.slots(ListSlots(project="demo"))).slots == [nothing]


async def test_a_slot_with_nothing_left_is_gone(read_model: SqlReadModel) -> None:
    [row] = await take_in(read_model, a_job(expired))
    await prune(read_model, row)

    assert (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots == []
    assert (await read_model.slots(ListSlots(project="demo"))).slots == []


async def test_a_read_model_that_is_made_anew_from_a_trimmed_log_is_the_same(
    read_model: SqlReadModel,
) -> None:
    """Of each job only the last event is there: that it was pruned, or how it ended."""
    rows = await take_in(read_model, *(a_success() for _ in range(3)))
    last = [rows[0], rows[2], await prune(read_model, rows[1])]
    before = await versions(read_model)

    await read_model.open("another")
    await read_model.apply(last, 0, last[-1].sequence)

    assert await versions(read_model) == before == {1: rows[0].record.id, 3: rows[2].record.id}
    assert set(await listed(read_model)) == {rows[0].record.id, rows[2].record.id}


# -- what could go


async def test_ended_jobs_are_listed_with_their_objects(read_model: SqlReadModel) -> None:
    rows = await take_in(
        read_model, a_success(), a_success(slot=None), a_job(expired), a_job(), a_success()
    )
    first, loose, failed, _, last = (row.record for row in rows)

    by_id = await ended(read_model)

    assert set(by_id) == {first.id, loose.id, failed.id, last.id}
    assert [(by_id[job.id].version, by_id[job.id].versions) for job in (first, last)] == [
        (1, 2),
        (2, 2),
    ]
    assert (by_id[loose.id].version, by_id[loose.id].slot) == (None, None)
    assert (by_id[failed.id].has_result, by_id[failed.id].version) == (False, None)
    assert (by_id[first.id].objects, by_id[first.id].bytes) == (3, 120)
    assert by_id[first.id].finished_at == NOW


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(), []),
        (Rule(versions=1), ["old", "middle"]),
        (Rule(versions=2), ["old"]),
        (Rule(days=3), ["old"]),
        (Rule(days=2), ["old", "middle"]),
        (Rule(failed_days=2), ["failed"]),
        (Rule(versions=2, days=9, failed_days=1), ["failed", "old"]),
    ],
    ids=str,
)
async def test_only_jobs_beyond_a_rule_are_listed(
    read_model: SqlReadModel, rule: Rule, expected: list[str]
) -> None:
    day = timedelta(days=1)
    jobs = {
        "failed": a_job(expired, at=NOW - 4 * day),
        "old": a_success(at=NOW - 3 * day),
        "middle": a_success(at=NOW - 2 * day),
        "loose": a_success(at=NOW - day, slot=None),
        "new": a_success(at=NOW),
        "open": a_job(),
    }
    await take_in(read_model, *jobs.values())

    beyond = await read_model.ended("demo", rule, NOW)

    names = {job.id: name for name, job in jobs.items()}
    assert [names[each.id] for each in beyond] == expected


async def test_a_version_that_went_makes_room_for_none(read_model: SqlReadModel) -> None:
    """Of five, the third went before: two are kept of those that are there."""
    rows = await take_in(read_model, *(a_success() for _ in range(5)))
    await prune(read_model, rows[2])

    beyond = await read_model.ended("demo", Rule(versions=2), NOW)

    assert [(each.version, each.age) for each in beyond] == [(1, 3), (2, 2)]


async def test_what_was_pruned_ends_no_second_time(read_model: SqlReadModel) -> None:
    [row] = await take_in(read_model, a_success())
    await prune(read_model, row)

    assert await ended(read_model) == {}


@pytest.mark.parametrize("how", ["reference", "after", "retry_of"])
async def test_what_an_open_job_works_from_is_in_use_until_that_ends(
    read_model: SqlReadModel, how: str
) -> None:
    old = a_success()
    user = a_job(slot=None, references=[{"asset": old.assets[0].id}] if how == "reference" else [])
    if how == "after":
        internal = user.internal.model_copy(update={"after": [old.id]})
        user = user.model_copy(update={"internal": internal})
    if how == "retry_of":
        user = user.model_copy(update={"retry_of": old.id})
    await take_in(read_model, old, user)

    assert (await ended(read_model))[old.id].in_use
    await take_in(read_model, apply(user, expired, NOW))
    assert not (await ended(read_model))[old.id].in_use


async def test_a_result_is_in_use_while_another_job_has_it(read_model: SqlReadModel) -> None:
    old = a_success()
    given = apply(apply_cached(a_job(slot=None), old), Succeeded(assets=old.assets), NOW)
    rows = await take_in(read_model, old, given)

    by_id = await ended(read_model)
    assert (by_id[old.id].in_use, by_id[given.id].in_use) == (True, False)
    assert (by_id[given.id].objects, by_id[given.id].bytes) == (0, 0)
    await prune(read_model, rows[1])
    assert not (await ended(read_model))[old.id].in_use


# -- objects


async def test_objects_are_removed_once_and_not_before_their_time(read_model: SqlReadModel) -> None:
    rows = await take_in(read_model, a_success(), a_success())
    await prune(read_model, rows[0], at=NOW - timedelta(minutes=2))
    await prune(read_model, rows[1], at=NOW)

    assert await read_model.unemptied(NOW, 10) == [rows[0].record.id]
    await read_model.objects_deleted([rows[0].record.id])
    assert await read_model.unemptied(NOW, 10) == []
    later = NOW + timedelta(seconds=1)
    assert await read_model.unemptied(later, 10) == [rows[1].record.id]


async def test_objects_stay_while_a_job_that_came_late_needs_them(read_model: SqlReadModel) -> None:
    """It was accepted in the moment in which they were pruned."""
    old = a_success()
    user = a_job(slot=None, references=[{"asset": old.assets[0].id}])
    rows = await take_in(read_model, old)
    await prune(read_model, rows[0], at=NOW - timedelta(minutes=2))
    await take_in(read_model, user)

    assert await read_model.unemptied(NOW, 10) == []
    await take_in(read_model, apply(user, expired, NOW))
    assert await read_model.unemptied(NOW, 10) == [old.id]
