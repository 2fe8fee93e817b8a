"""Schedules at random: which part of everything may happen, and what happens next."""

import random
from functools import partial
from typing import NamedTuple

from tests.simulation.actions import Action
from tests.simulation.scenario import EVERYTHING, Scenario, some_of
from tests.simulation.schedule import Outcome, Session, play
from tests.simulation.world import World

_LENGTH = 90  #: actions before the faults are over


class Weights(NamedTuple):
    """How a random schedule leans; the first five are probabilities."""

    fault: float
    client: float
    tick: float
    wake: float
    provider: float
    patience: int  #: actions before clients want more than jobs
    luck: int  #: actions before anything goes wrong

    @classmethod
    def of(cls, rng: random.Random) -> "Weights":
        return cls(
            rng.choice([0.05, 0.15, 0.3]),
            rng.choice([0.1, 0.25]),
            rng.choice([0.02, 0.05, 0.2]),
            rng.choice([0.03, 0.3]),
            rng.choice([0.05, 0.3]),
            rng.choice([0, 0, 20, 40]),
            rng.choice([0, 0, 0, 20]),
        )


def run(seed: int, scenario: Scenario | None = None) -> Outcome:
    """One schedule of a scenario; of some part of everything, unless one is given."""
    rng = random.Random(seed)
    return play(scenario or some_of(EVERYTHING, rng), partial(_drive, rng), rng)


def obey(seed: int, draws: bytes) -> Outcome:
    """A schedule in which somebody else draws what happens next."""
    scenario = some_of(EVERYTHING, random.Random(seed))
    return play(scenario, partial(_obey, draws), random.Random(0))


def run_in_turn(seed: int, scenario: Scenario) -> Outcome:
    """A schedule in which each planned request is sent when nothing is left to do for those before it."""
    rng = random.Random(seed)
    return play(scenario, partial(_in_turn, rng), rng)


async def _in_turn(rng: random.Random, session: Session) -> None:
    for index, _ in enumerate(session.world.state.scenario.planned_requests):
        await session.act(("send", str(index)))
        while ready := [each for each in session.world.choices.actions() if each[0] != "tick"]:
            await session.act(rng.choice(ready))


async def _obey(draws: bytes, session: Session) -> None:
    for draw in draws:
        ready = session.world.choices.everything()
        if ready:
            await session.act(ready[draw % len(ready)])


async def _drive(rng: random.Random, session: Session) -> None:
    weights = Weights.of(rng)
    for number in range(_LENGTH):
        action = _choose(session.world, rng, weights, number)
        if action is None:
            return
        await session.act(action)


def _choose(world: World, rng: random.Random, weights: Weights, number: int) -> Action | None:
    """What happens next; None when nothing can."""
    roll, ready = rng.random(), list[Action]()
    if roll < weights.fault and number >= weights.luck:
        ready = world.choices.faults()
    elif roll < weights.fault + weights.client:
        ready = world.choices.clients()
        if number < weights.patience:
            ready = [action for action in ready if action[0] == "send"]
    return _one_of_a_kind(ready, rng) if ready else _go_on(world, rng, weights)


def _one_of_a_kind(ready: list[Action], rng: random.Random) -> Action:
    """Rare kinds of actions are as likely as common ones."""
    name = rng.choice(list(dict.fromkeys(action[0] for action in ready)))
    return rng.choice([action for action in ready if action[0] == name])


def _go_on(world: World, rng: random.Random, weights: Weights) -> Action | None:
    ready = world.choices.actions()
    ticks = [action for action in ready if action[0] == "tick"]
    wakes = [action for action in ready if action[0] == "wake"]
    there = [action for action in ready if action[0] == "provider"]
    steps = [action for action in ready if action[0] not in ("tick", "wake", "provider")]
    if there and (rng.random() < weights.provider or not steps):
        return rng.choice(there)
    if wakes and (rng.random() < weights.wake or not (steps or ticks)):
        return rng.choice(wakes)
    if steps and rng.random() > weights.tick:
        return rng.choice(steps)
    clients = [] if steps else world.choices.clients()
    if clients and (rng.random() < 0.8 or not ticks):
        return _one_of_a_kind(clients, rng)
    return rng.choice(ticks or steps) if ticks or steps else None
