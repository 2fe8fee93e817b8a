"""
Jobs keep every promise, in whatever order things happen and whatever goes wrong.

The handlers are the services' own. A schedule decides which of their acts happens next, who crashes,
freezes or is not heard, what the provider does, and what clients ask for. `LIFE_SECONDS=600` goes on
with random schedules for so long.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.contracts.errors import DependencyFailed
from heliograph.contracts.state_machine.transitions import TRANSITIONS
from tests.simulation.random_schedules import obey, run, run_in_turn
from tests.simulation.scenario import EVERYTHING, PlannedRequest, Scenario, some_of
from tests.simulation.shrinking import replay, story_of, tell

SCHEDULES = 1_500
REPLACEMENTS = 300
DEPENDENCIES = 400
REUSES = 300
HOLDS = 300
SECONDS = float(os.environ.get("LIFE_SECONDS", "0"))


def _seeds() -> Iterator[int]:
    """A fixed list; then as many more as there is time for."""
    yield from range(SCHEDULES)
    ends, seed = time.monotonic() + SECONDS, SCHEDULES
    while time.monotonic() < ends:
        yield seed
        seed += 1


@pytest.mark.timeout(SECONDS + 900)
def test_every_promise_is_kept_in_random_schedules() -> None:
    reached: set[str] = set()
    for seed in _seeds():
        outcome = run(seed)
        reached |= outcome.events
        if outcome.broken:
            pytest.fail(f"seed {seed}: {tell(outcome)}", pytrace=False)

    of_lives = {*TRANSITIONS} - {"pruned"}  # that comes after them, and status alone knows when
    assert reached == {"accepted", "deduplicated", *of_lives}, "some events were never seen"


REPLACING = replace(
    EVERYTHING,
    planned_requests=(
        PlannedRequest("a", "x", "s"),
        PlannedRequest("b", "y", "s", replaces=True),
        PlannedRequest("c", "z", "s", replaces=True),
    ),
)


def test_every_promise_is_kept_while_jobs_replace_each_other() -> None:
    for seed in range(REPLACEMENTS):
        outcome = run(seed, some_of(REPLACING, random.Random(seed)))
        if outcome.broken:
            pytest.fail(f"seed {seed}: {tell(outcome)}", pytrace=False)


DEPENDING = replace(
    EVERYTHING,
    planned_requests=(
        PlannedRequest("a", "x", "s"),
        PlannedRequest("b", "y", after=("a",)),
        PlannedRequest("c", "z", "s", after=("a", "b")),
        PlannedRequest("d", "x", "s", replaces=True),
    ),
    hastes=3,
)


def test_every_promise_is_kept_while_jobs_wait_for_each_other() -> None:
    ends = set()
    for seed in range(DEPENDENCIES):
        outcome = run(seed, some_of(DEPENDING, random.Random(seed)))
        ends |= outcome.errors
        if outcome.broken:
            pytest.fail(f"seed {seed}: {tell(outcome)}", pytrace=False)

    assert DependencyFailed.code in ends, "no job ever failed for another"


REUSING = replace(
    EVERYTHING,
    planned_requests=(
        PlannedRequest("a", "x", "s"),
        PlannedRequest("b", "x", "s", reuses=True),
        PlannedRequest("c", "x", "t", reuses=True, is_late=True, within=40),
        PlannedRequest("d", "x", after=("b",)),
    ),
)


def test_every_promise_is_kept_while_results_are_used_again() -> None:
    for seed in range(REUSES):
        outcome = run(seed, some_of(REUSING, random.Random(seed)))
        if outcome.broken:
            pytest.fail(f"seed {seed}: {tell(outcome)}", pytrace=False)


HOLDING = replace(EVERYTHING, holds=True)


def test_every_promise_is_kept_while_jobs_are_in_budget_records_first() -> None:
    for seed in range(HOLDS):
        outcome = run(seed, some_of(HOLDING, random.Random(seed)))
        if outcome.broken:
            pytest.fail(f"seed {seed}: {tell(outcome)}", pytrace=False)


def test_a_result_is_used_again_once_it_is_there() -> None:
    scenario = Scenario((PlannedRequest("a", "x"), PlannedRequest("b", "x", reuses=True)))

    outcome = run_in_turn(7, scenario)

    assert not outcome.broken, story_of(outcome)
    assert ("accepted", "succeeded") in outcome.lives


@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 10_000), st.binary(min_size=60, max_size=120))
def test_every_promise_is_kept_in_schedules_that_hypothesis_draws(seed: int, draws: bytes) -> None:
    outcome = obey(seed, draws)

    assert not outcome.broken, story_of(outcome)


def test_the_same_seed_makes_the_same_schedule() -> None:
    assert run(7) == run(7)


def test_a_schedule_can_be_run_again() -> None:
    outcome = run(7)

    assert replay(outcome.scenario, outcome.actions).actions == outcome.actions
