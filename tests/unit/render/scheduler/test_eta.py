"""How long jobs take is learned, and what is said and kept ready follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.render.scheduler.eta import DurationEstimator, eta, prefetch
from tests.support.records import CATALOG

MOST = 2  #: what an operator leaves as it is


def test_a_lane_takes_what_its_kinds_expect_until_something_was_measured() -> None:
    durations, portrait = DurationEstimator(CATALOG), CATALOG.kinds["portrait"]
    expected = durations.of_lane(portrait.lane)

    durations.observe("portrait", 3.0)

    assert expected > 0
    assert durations.of_lane(portrait.lane) == 3.0


def test_later_measurements_move_what_was_learned_a_little() -> None:
    durations, lane = DurationEstimator(CATALOG), CATALOG.kinds["portrait"].lane

    durations.observe("portrait", 10.0)
    durations.observe("portrait", 20.0)

    assert durations.of_lane(lane) == pytest.approx(12.0)


def test_durations_of_an_unknown_kind_are_ignored() -> None:
    durations, lane = DurationEstimator(CATALOG), CATALOG.kinds["portrait"].lane
    before = durations.of_lane(lane)

    durations.observe("of another catalog", 1_000.0)

    assert durations.of_lane(lane) == before


def test_a_lane_whose_kinds_moved_away_takes_what_all_kinds_do() -> None:
    moved = {
        name: kind.model_copy(update={"lane": "shots"} if kind.lane == "video" else {})
        for name, kind in CATALOG.kinds.items()
    }
    catalog = CATALOG.model_copy(update={"kinds": moved})
    durations = DurationEstimator(catalog)
    expected = durations.of_lane("video")

    durations.observe("portrait", 3.0)

    assert expected > 0
    assert durations.of_lane("video") == 3.0


def test_the_next_job_of_a_lane_with_room_does_not_wait() -> None:
    assert eta(1, in_use=3, cap=4, seconds=10.0) == 10.0


def test_a_later_job_waits_for_those_before_it() -> None:
    assert eta(9, in_use=4, cap=4, seconds=10.0) == pytest.approx(9 / 4 * 10 + 10)


@pytest.mark.parametrize(("cap", "seconds"), [(1, 60.0), (2, 120.0), (6, 8.0), (8, 5.0)])
def test_nothing_is_prefetched_where_jobs_take_long(cap: int, seconds: float) -> None:
    assert prefetch(cap, seconds, MOST) == 0


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.02])
def test_short_jobs_are_prefetched(seconds: float) -> None:
    assert prefetch(8, seconds, MOST) == MOST


@given(st.integers(1, 1_000), st.floats(0, 10_000), st.integers(0, 100))
def test_never_are_more_ready_than_the_operator_allows(cap: int, seconds: float, most: int) -> None:
    assert 0 <= prefetch(cap, seconds, most) <= most
