"""A schedule: whatever drives the world for a while, then rest, then a look at every promise."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.simulation.actions import Action
from tests.simulation.choices import TICKS
from tests.simulation.invariants import check_rest
from tests.simulation.scenario import Scenario
from tests.simulation.state import Broken
from tests.simulation.virtual_time import VirtualLoop, clock
from tests.simulation.world import World

A_DAY = "90000"  #: seconds; longer than anybody has to decide

_TIMEOUT = 300.0  #: virtual seconds in which nothing happened until nothing will
_MANY = 2000  #: actions after the faults
_FAULTS = ("refusals", "failures", "silences", "idle_polls", "ticks")


@dataclass
class Outcome:
    """What happened in a schedule, and what it broke ("" if nothing)."""

    scenario: Scenario
    actions: list[Action] = field(default_factory=list)
    rest: list[Action] = field(default_factory=list)  #: after the faults
    events: set[str] = field(default_factory=set)  #: names of what was written
    lives: set[tuple[str, ...]] = field(default_factory=set)  #: the same, job by job
    errors: set[str] = field(default_factory=set)  #: codes of how jobs ended
    broken: str = ""

    @property
    def steps(self) -> int:
        return len(self.actions) + len(self.rest)


class Session:
    """A world, and a list of what is done in it."""

    def __init__(self, scenario: Scenario, story: list[str] | None = None) -> None:
        self.world = World(scenario, story)
        self.done: list[Action] = []

    async def act(self, action: Action) -> None:
        """Do something, and write it down. Raises Broken."""
        self.done.append(action)
        await self.world.apply(action)

    async def tick(self, seconds: str) -> None:
        """Time passes, whether the scenario has some left or not. Raises Broken."""
        self.world.left["ticks"] += 1
        await self.act(("tick", seconds))


Drive = Callable[[Session], Awaitable[None]]


def play(
    scenario: Scenario, drive: Drive, rng: random.Random, story: list[str] | None = None
) -> Outcome:
    """Run a schedule, on a loop of its own. `story` is told what happens."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_play(Session(scenario, story), drive, rng))


async def _play(session: Session, drive: Drive, rng: random.Random) -> Outcome:
    state, outcome = session.world.state, Outcome(session.world.state.scenario)
    try:
        await drive(session)
        outcome.actions, session.done = session.done, outcome.rest
        await _settle(session, rng)
    except Broken as broken:
        outcome.broken = str(broken)
    outcome.actions = outcome.actions or session.done
    outcome.events = {entry.event.name for entry in state.events.log}
    outcome.lives = {
        tuple(e.event.name for e in state.events.appended[j]) for j in state.events.jobs()
    }
    outcome.errors = {record.error.code for record in state.records() if record.error}
    await session.world.close()
    return outcome


async def _settle(session: Session, rng: random.Random) -> None:
    """No more faults, and no more clients: everybody goes on until nothing is left to do."""
    await _come_to_rest(session, rng)
    check_rest(session.world.state)
    await session.tick(A_DAY)
    await _come_to_rest(session, rng)
    check_rest(session.world.state, undecided=False)


async def _come_to_rest(session: Session, rng: random.Random) -> None:
    for budget in _FAULTS:
        session.world.left[budget] = 0
    last = clock()
    for _ in range(_MANY):
        ready = session.world.choices.actions()
        if ready and rng.random() > 0.04:
            await session.act(rng.choice(ready))
            last = clock()
        elif ready:
            await session.tick(rng.choice(TICKS))
        elif clock() - last < _TIMEOUT:
            await session.tick(TICKS[-1])
        else:
            return
    raise Broken("I1: it never comes to rest")
