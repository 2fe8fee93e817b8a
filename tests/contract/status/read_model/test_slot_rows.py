"""Slots are read from their jobs: versions count successes, in the order of the log."""

from datetime import UTC, datetime
from typing import Any

import pytest

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import Deadline, Unavailable
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    CancelRequested,
    Expired,
    Failed,
    JobEvent,
    Rendered,
    Started,
    Submitting,
    Succeeded,
)
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from services.status.read_model.rows import Row
from services.status.read_model.slot_results import FAILURES
from services.status.read_model.slot_rows import SlotRows, SlotSnapshot
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOT = "cast/alice/ref_a"

started = Started(run=1)
failed = Failed(problem=Deadline().problem())
SUCCESS = (
    started,
    Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
    Rendered(run=1, outputs=[]),
    Succeeded(assets=[]),
)


def a_job(*facts: JobEvent, **fields: Any) -> Record:
    record = a_record(**{"project": "demo", "slot": SLOT, **fields})
    for fact in facts:
        record = apply(record, fact, NOW)
    return record


async def take_in(read_model: SqlReadModel, *records: Record) -> int:
    """One event for each record. Returns the cursor."""
    cursor = await read_model.cursor()
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))
    return cursor + len(rows)


async def shown(read_model: SqlReadModel, slot: str = SLOT) -> SlotRows:
    [rows] = (await read_model.slot(GetSlot(project="demo", slot=slot))).slots
    return rows


async def versions(read_model: SqlReadModel, after: int = 0, limit: int = 10) -> list[str]:
    rows = await read_model.versions("demo", SLOT, after, limit)
    return [row.record.id for row in rows]


def ids(*rows: Row | Record | None) -> list[str]:
    return [row.record.id if isinstance(row, Row) else row.id for row in rows if row]


async def test_each_success_is_the_next_version(read_model: SqlReadModel) -> None:
    first, second, third = (a_job(*SUCCESS) for _ in range(3))
    await take_in(read_model, second, a_job(failed), first, a_job(Canceled()), third)

    slot = await shown(read_model)

    assert slot.versions == 3
    assert ids(slot.latest) == [third.id]
    assert await versions(read_model) == ids(second, first, third)
    assert await versions(read_model, after=1, limit=1) == [first.id]
    assert await versions(read_model, after=3) == []


async def test_versions_are_in_order_of_success_and_not_of_asking(read_model: SqlReadModel) -> None:
    early, late = a_job(), a_job(*SUCCESS)
    await take_in(read_model, early, late)
    for fact in SUCCESS:
        early = apply(early, fact, NOW)
        await take_in(read_model, early)

    assert await versions(read_model) == ids(late, early)


async def test_what_is_learned_after_its_end_leaves_a_version_in_its_place(
    read_model: SqlReadModel,
) -> None:
    first, second = a_job(*SUCCESS), a_job(*SUCCESS)
    await take_in(read_model, first, second)
    late = AttemptCompleted(run=1, ended=1, charged="yes")
    await take_in(read_model, apply(first, late, NOW))

    assert await versions(read_model) == ids(first, second)
    assert ids((await shown(read_model)).latest) == ids(second)


async def test_a_failure_before_a_success_stays_behind_it_whatever_is_learned_later(
    read_model: SqlReadModel,
) -> None:
    lost = a_job(*SUCCESS[:2], failed)
    await take_in(read_model, lost, a_job(*SUCCESS))
    await take_in(read_model, apply(lost, AttemptCompleted(run=1, ended=1), NOW))

    assert (await shown(read_model)).failures == []


async def test_a_detached_job_is_not_a_version(read_model: SqlReadModel) -> None:
    await take_in(read_model, a_job(CancelRequested(mode="detach"), *SUCCESS))

    assert await versions(read_model) == []
    assert (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots == []


async def test_versions_are_the_same_after_a_rebuild(read_model: SqlReadModel) -> None:
    jobs = [a_job(*SUCCESS) for _ in range(4)]
    last = await take_in(read_model, *jobs)
    before = await versions(read_model)

    await read_model.open("another")
    await read_model.apply([Row(n, job) for n, job in enumerate(jobs, start=1)], 0, last)

    assert await versions(read_model) == before


async def test_a_slot_shows_what_is_open(read_model: SqlReadModel) -> None:
    running = a_job(started)
    await take_in(read_model, a_job(*SUCCESS), running)

    slot = await shown(read_model)

    assert ids(slot.active) == [running.id]
    assert slot.versions == 1


async def test_a_slot_shows_what_was_open_before_its_last_success(read_model: SqlReadModel) -> None:
    running, success = a_job(started), a_job(*SUCCESS)
    await take_in(read_model, running, a_job(failed), success)

    slot = await shown(read_model)

    assert ids(slot.active, slot.latest) == [running.id, success.id]
    assert slot.failures == []


async def test_a_slot_shows_what_failed_since_its_last_success(read_model: SqlReadModel) -> None:
    one, two = a_job(failed), a_job(Expired(problem=Deadline().problem()))
    await take_in(read_model, a_job(failed), a_job(*SUCCESS), one, a_job(Canceled()), two)

    assert ids(*(await shown(read_model)).failures) == ids(two, one)


async def test_of_many_failures_the_newest_are_shown(read_model: SqlReadModel) -> None:
    jobs = [a_job(failed) for _ in range(FAILURES + 3)]
    await take_in(read_model, *jobs)

    assert ids(*(await shown(read_model)).failures) == ids(*reversed(jobs))[:FAILURES]


async def test_a_slot_with_nothing_to_show_is_still_one(read_model: SqlReadModel) -> None:
    await take_in(read_model, a_job(Canceled()))

    slot = await shown(read_model)

    assert slot == SlotRows(slot=SLOT, versions=0, latest=None, active=None, failures=[])


async def listed(read_model: SqlReadModel, **query: Any) -> SlotSnapshot:
    return await read_model.slots(ListSlots(**{"project": "demo", **query}))


async def test_slots_are_listed_by_name_as_of_one_sequence(read_model: SqlReadModel) -> None:
    names = ["shot/2", "shot/10", "cast/bob/ref_a", "Shot/1", "shot-x"]
    await take_in(read_model, *(a_job(*SUCCESS, slot=name) for name in names), a_job(slot=None))
    await take_in(read_model, a_job(slot="shot/2", project="another"))

    shot = await listed(read_model)

    assert [slot.slot for slot in shot.slots] == sorted(names)
    assert (shot.epoch, shot.sequence, shot.next) == ("one", 7, None)


@pytest.mark.parametrize(
    ("prefix", "slots"),
    [
        ("shot/", ["shot/1", "shot/1/a"]),
        ("shot", ["shot-z", "shot/1", "shot/1/a"]),
        ("shot/1", ["shot/1", "shot/1/a"]),
        ("Shot", ["Shot/1"]),
        ("shot_", []),
    ],
)
async def test_a_prefix_is_taken_as_it_is_spelled(
    read_model: SqlReadModel, prefix: str, slots: list[str]
) -> None:
    names = ["shot/1", "shot/1/a", "shot-z", "Shot/1", "cast/a"]
    await take_in(read_model, *(a_job(slot=name) for name in names))

    assert [slot.slot for slot in (await listed(read_model, prefix=prefix)).slots] == slots


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_of_slots_together_are_all_of_them(
    read_model: SqlReadModel, limit: int
) -> None:
    names = [f"shot/{n}" for n in range(7)]
    jobs = [a_job(*facts, slot=name) for name in names for facts in (SUCCESS, (failed,), ())]
    await take_in(read_model, *jobs)

    slots: list[SlotRows] = []
    cursor: str | None = None
    while True:
        page = await listed(read_model, limit=limit, cursor=cursor)
        slots += page.slots
        cursor = page.next
        if cursor is None:
            break

    assert [slot.slot for slot in slots] == names
    assert all(slot.versions == 1 and slot.active and len(slot.failures) == 1 for slot in slots)


async def test_a_project_without_slots_has_an_empty_page_of_its_moment(
    read_model: SqlReadModel,
) -> None:
    await take_in(read_model, a_job(slot=None))

    assert await listed(read_model) == SlotSnapshot(epoch="one", sequence=1, slots=[])


async def test_a_ledger_that_was_never_opened_has_no_moment(database: str) -> None:
    read_model = SqlReadModel(database)
    await read_model.prepare()

    with pytest.raises(Unavailable):
        await listed(read_model)
    await read_model.aclose()


def an_asset(**fields: Any) -> Asset:
    made = asset_id(a_record().id, 0)
    return Asset(id=made, index=0, media_type="image/png", bytes=9, sha256="0" * 64, **fields)


async def test_an_undecodable_picture_is_not_a_version(read_model: SqlReadModel) -> None:
    good = a_job(*SUCCESS[:-1], Succeeded(assets=[an_asset()]))
    damaged = a_job(*SUCCESS[:-1], Succeeded(assets=[an_asset(undecodable=True)]))
    await take_in(read_model, good, damaged)

    slot = await shown(read_model)

    assert slot.versions == 1
    assert ids(slot.latest) == [good.id]
    assert await versions(read_model) == [good.id]
    assert await read_model.filled("demo", [SLOT]) == {SLOT: good.id}
