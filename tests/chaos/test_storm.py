"""The four promises hold while everything is killed."""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.faults import Fault
from tests.chaos.judge import judge
from tests.chaos.storm import Storm, Weather
from tests.support.clocks import WallClock
from tests.support.records import REGISTRY
from tests.support.stack import stack_running

TIMES = {"gateway": 2, "render": 3, "storage": 2, "status": 2, "nats": 2, "s3": 1}
KILLS = [Fault("kill", name) for name, times in TIMES.items() for _ in range(times)]
ODD = [
    Fault("garbage", "any"),
    Fault("clock", "600"),
    Fault("garbage", "any"),
    Fault("clock", "-600"),
]


@pytest.mark.timeout(300)
async def test_nothing_is_lost_doubled_or_paid_twice_in_a_storm(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    weather = Weather(
        seed=seed, jobs=120, projects=3, watchers=6, faults=KILLS + ODD, pause=(1.5, 3.5), flood=80
    )
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # how to have the same storm again

    clock = WallClock(tmp_path)

    with stack_running(tmp_path / "home", clock.environment) as stack:
        storm = Storm(stack, weather, clock=clock)
        await storm.rage()
        verdict = await judge(stack, storm.journal, REGISTRY)

    print(verdict.summary())  # noqa: T201
    print(verdict.figures)  # noqa: T201
    assert verdict.wrong == {}, f"CHAOS_SEED={seed}"
    assert len(storm.journal.faults) == len(KILLS + ODD)
    assert len({(asked.project, asked.key) for asked in storm.journal.asked}) >= 100
    assert storm.journal.reconnects >= weather.watchers
