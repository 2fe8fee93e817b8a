"""What goes is what the project does not keep, and never what somebody looks at or works from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.retention import Retention
from heliograph.contracts.slots import Restored, current_version
from services.status.maintenance.retention_policy import SHOWN, PrunePlan, choose, report_of
from services.status.read_model.rows import FinishedJob

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOT = "shot/12"


def an_end(*, days: float = 0, **fields: Any) -> FinishedJob:
    """A job that was over so many days ago."""
    known = {
        "id": new_job_id(),
        "kind": "shot",
        "slot": None,
        "has_result": True,
        "finished_at": NOW - timedelta(days=days),
        "version": None,
        "versions": 0,
        "age": 0,
        "objects": 3,
        "bytes": 100,
        "in_use": False,
    }
    return FinishedJob(**{**known, **fields})


def versions(count: int, *, slot: str = SLOT, **fields: Any) -> list[FinishedJob]:
    """The versions of a slot, a day between each."""
    return [
        an_end(slot=slot, version=n, versions=count, age=count - n, days=count - n, **fields)
        for n in range(1, count + 1)
    ]


def chosen(
    ended: list[FinishedJob], restored: dict[str, Restored] | None = None, **keeps: Any
) -> PrunePlan:
    return choose(ended, Retention.model_validate(keeps), restored or {}, NOW)


def numbers(choice: PrunePlan) -> list[int | None]:
    return [job.version for job, _ in choice.going]


def restored(version: int, latest: int) -> Restored:
    return Restored(version=version, latest=latest, at=NOW)


def test_nothing_goes_from_a_project_that_says_nothing() -> None:
    ended = [*versions(9), an_end(days=9_000), an_end(has_result=False, days=9_000)]

    assert chosen(ended).going == []


def test_the_newest_versions_are_kept() -> None:
    assert numbers(chosen(versions(5), versions=2)) == [1, 2, 3]


def test_slots_do_not_count_each_others_versions() -> None:
    ended = [*versions(3), *versions(3, slot="shot/13")]

    assert numbers(chosen(ended, versions=2)) == [1, 1]


def test_a_restored_version_is_kept_beside_the_newest() -> None:
    choice = chosen(versions(5), {SLOT: restored(2, latest=5)}, versions=2)

    assert numbers(choice) == [1, 3]
    assert choice.spared.current == 1


def test_a_version_that_is_current_no_longer_goes_with_the_others() -> None:
    choice = chosen(versions(5), {SLOT: restored(2, latest=4)}, versions=2)

    assert numbers(choice) == [1, 2, 3]


def test_the_newest_version_stays_however_old_it_is() -> None:
    choice = chosen(versions(3), {SLOT: restored(1, latest=3)}, days=0)

    assert numbers(choice) == [2]
    assert choice.spared.current == 2


def test_results_without_a_slot_go_by_their_age() -> None:
    old, new = an_end(days=91), an_end(days=89)

    [[job, reason]] = chosen([old, new], versions=1, days=90).going
    assert (job, reason) == (old, "days")


def test_jobs_without_a_result_go_by_an_age_of_their_own() -> None:
    ended = [an_end(has_result=False, slot=SLOT, days=days) for days in (8, 6)]

    assert chosen(ended, versions=1, days=1).going == []
    assert [job.id for job, _ in chosen(ended, failed_days=7).going] == [ended[0].id]


def test_a_rule_for_a_kind_leaves_other_kinds_alone() -> None:
    shot, video = an_end(days=8), an_end(kind="video", days=8)

    choice = chosen([shot, video], kinds={"video": {"days": 7}})

    assert [job.kind for job, _ in choice.going] == ["video"]


def test_jobs_in_use_are_spared_and_counted() -> None:
    choice = chosen([an_end(days=8, in_use=True), an_end(days=8)], days=7)

    assert len(choice.going) == 1
    assert choice.spared.in_use == 1


def test_a_report_says_how_much_goes_and_shows_the_oldest() -> None:
    ended = [an_end(days=SHOWN + 9 - n, kind="shot" if n else "video") for n in range(SHOWN + 2)]

    report = report_of(chosen(ended, days=1), "demo", dry_run=True)

    assert (report.jobs, report.objects, report.bytes) == (102, 306, 10_200)
    assert {kind: amount.jobs for kind, amount in report.kinds.items()} == {"shot": 101, "video": 1}
    assert [each.id for each in report.items] == [job.id for job in ended[:SHOWN]]
    assert (report.more, report.dry_run) == (True, True)


@st.composite
def slots(draw: st.DrawFn) -> tuple[list[FinishedJob], dict[str, Restored]]:
    """Slots as they may stand: some versions gone, one restored, some in use."""
    ended: list[FinishedJob] = []
    pinned = {}
    for name in draw(st.sets(st.sampled_from("abc"))):
        count = draw(st.integers(1, 6))
        there = draw(st.sets(st.integers(1, count))) | {count}
        if draw(st.booleans()):
            pinned[name] = restored(draw(st.sampled_from(sorted(there))), draw(st.integers(1, 7)))
        in_use = draw(st.sets(st.integers(1, count)))
        kept = [job for job in versions(count, slot=name) if job.version in there]
        ended += aged([replace(job, in_use=job.version in in_use) for job in kept])
    return ended, pinned


def aged(kept: list[FinishedJob]) -> list[FinishedJob]:
    """Versions of one slot, in order, with what is newer of them."""
    return [replace(job, age=len(kept) - n) for n, job in enumerate(kept, start=1)]


@given(state=slots(), keeps=st.integers(1, 3), days=st.none() | st.integers(0, 5))
def test_no_slot_ever_loses_what_it_shows(
    state: tuple[list[FinishedJob], dict[str, Restored]], keeps: int, days: int | None
) -> None:
    ended, pinned = state
    choice = chosen(ended, pinned, versions=keeps, days=days)

    for job, _ in choice.going:
        assert job.version not in (
            job.versions,
            current_version(job.versions, pinned.get(job.slot or "")),
        )
        assert not job.in_use


@given(state=slots(), keeps=st.integers(1, 3))
def test_a_second_plan_after_pruning_is_empty(
    state: tuple[list[FinishedJob], dict[str, Restored]], keeps: int
) -> None:
    ended, pinned = state
    gone = {job.id for job, _ in chosen(ended, pinned, versions=keeps).going}

    left = [job for job in ended if job.id not in gone]
    slots = {job.slot for job in left}
    again = [job for slot in slots for job in aged([j for j in left if j.slot == slot])]

    assert chosen(again, pinned, versions=keeps).going == []


@pytest.mark.parametrize("days", [7, 7.5])
def test_an_age_is_over_when_its_time_has_come(days: float) -> None:
    assert chosen([an_end(days=days)], days=days).going
    assert not chosen([an_end(days=days - 0.001)], days=days).going
