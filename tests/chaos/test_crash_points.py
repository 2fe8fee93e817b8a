"""`kill -9` at every durable step of a job's life: nothing is lost, nothing is paid twice."""

import asyncio
import os
import random
import re
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from heliograph.runtime.crash_points import POINTS, VARIABLE, Point
from tests.chaos.crash_scenarios import SLOW, ScenarioClient, scenario_of
from tests.chaos.invariant_checker import judge
from tests.chaos.journal import Journal
from tests.chaos.quiescence import until_quiet
from tests.support.records import CATALOG
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

#: the sim fetches by itself, its responses have no outputs in them, and these projects keep everything
_ELSEWHERE = ("bring.", "clean.", "inline.")
SIM_POINTS = [point for point in POINTS if not point.startswith(_ELSEWHERE)]
ONLY = os.environ.get("CRASH_POINTS", "")  #: how the points begin that are wanted; by default all
ROUNDS = int(os.environ.get("CRASH_ROUNDS") or 1)  #: deaths at each point
_AT_ONCE = 6  #: scenarios that run together

#: two of what dies most, so that one goes on with what the other was killed at
SETTINGS = {
    "HELIOGRAPH_GATEWAYS": "2",
    "HELIOGRAPH_RENDERS": "2",
    "HELIOGRAPH_STORAGE_CONCURRENCY": "2",  # what is rendered has to wait for its turn at times
    "HELIOGRAPH_RESTART_PAUSE": "0.2",
    "HELIOGRAPH_GROUP_COMMIT_FROM": "2",  # the jobs of a small batch are committed together
}


def test_every_point_is_at_one_place() -> None:
    """A point that nobody calls would be survived by everybody."""
    files = [*(ROOT / "services").rglob("*.py"), *(ROOT / "heliograph").rglob("*.py")]
    called = [name for f in files for name in re.findall(r'crash_point\("(.+?)"\)', f.read_text())]

    assert sorted(called) == sorted(POINTS)


@pytest.mark.timeout(900 + 300 * ROUNDS)
async def test_a_death_at_any_point_loses_nothing_and_pays_nothing_twice(tmp_path: Path) -> None:
    crashes = tmp_path / "crashes"
    crashes.mkdir()
    accounts = tmp_path / "accounts.yaml"
    # a permit that is not returned would be missed
    accounts.write_text("sim: {provider: sim, cap: 12}\n")
    folders = {"HELIOGRAPH_ACCOUNTS": str(accounts), VARIABLE: str(crashes)}
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # how to have the same order again
    journal, rng = Journal(), random.Random(seed)

    with stack_running(tmp_path / "home", {**SETTINGS, **folders}, preloaded=True) as stack:
        for _ in range(ROUNDS):
            points = [point for point in SIM_POINTS if point.startswith(ONLY)]
            await _round(stack, journal, crashes, rng.sample(points, len(points)))
        await until_quiet(stack, TIMEOUT)
        verdict = await judge(stack, journal, CATALOG)

    print(verdict.summary())  # noqa: T201
    print(verdict.figures)  # noqa: T201
    assert verdict.wrong == {}, f"CHAOS_SEED={seed}"


async def _round(stack: Stack, journal: Journal, crashes: Path, points: list[Point]) -> None:
    """Every point once, some of them together; those first whose scenario waits for a deadline."""
    running = asyncio.Semaphore(_AT_ONCE)

    async def reach(point: Point) -> None:
        async with running:
            await ScenarioClient(stack, journal, crashes).run_scenario(point, scenario_of(point))

    async with asyncio.TaskGroup() as group:
        for point in sorted(points, key=lambda point: scenario_of(point) not in SLOW):
            group.create_task(reach(point))
