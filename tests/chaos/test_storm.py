"""The four promises hold while everything is killed."""

import os
import random
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.inline_provider import inline_provider
from tests.chaos.invariant_checker import judge, waited_for
from tests.chaos.storm import FaultPlan, Storm
from tests.support.clocks import WallClock
from tests.support.records import CATALOG
from tests.support.stack import stack_running

TIMES = {"gateway": 2, "render": 3, "storage": 2, "status": 2, "nats": 2, "s3": 1}
KILLS = [Fault("kill", name) for name, times in TIMES.items() for _ in range(times)]
ODD = [
    Fault("garbage", "any"),
    Fault("clock", "600"),
    Fault("garbage", "any"),
    Fault("clock", "-600"),
]

#: to responses that take seconds and cannot be asked for later
IN_FLIGHT = [
    Fault("restart_in_flight", "render"),
    Fault("restart_in_flight", "render"),
    Fault("kill_in_flight", "render"),
]
FAULTS = KILLS + ODD + IN_FLIGHT


async def test_nothing_is_lost_doubled_or_paid_twice_in_a_storm(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    plan = FaultPlan(
        seed=seed,
        jobs=140,
        projects=3,
        watchers=6,
        faults=FAULTS,
        pause=(1.5, 3.5),
        flood=80,
        inline=0.15,
    )
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # how to have the same storm again

    clock = WallClock(tmp_path)

    with (
        inline_provider(tmp_path) as provider,
        stack_running(tmp_path / "home", clock.environment | provider.environment) as stack,
    ):
        storm = Storm(stack, plan, clock=clock, provider=provider)
        await storm.rage()
        requests = await provider.requests()
        verdict = await judge(stack, storm.journal, CATALOG, requests)

    print(verdict.summary())  # noqa: T201
    print(verdict.figures)  # noqa: T201
    assert verdict.wrong == {}, f"CHAOS_SEED={seed}"
    assert len(storm.journal.faults) == len(FAULTS)
    assert len(requests) >= 10
    assert waited_for(storm.journal.signals, requests)
    assert len({(request.project, request.key) for request in storm.journal.requests}) >= 100
    assert storm.journal.reconnects >= plan.watchers
