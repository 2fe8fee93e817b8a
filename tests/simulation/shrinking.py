"""Schedules that broke something: run again, made as short as they can be, told in words."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby

from tests.simulation.actions import Action
from tests.simulation.scenario import Scenario
from tests.simulation.schedule import Outcome, Session, play

_TRIES = 500  #: schedules run in the search for a shorter one
_LINES = 150  #: of a story
_TRAITS = ("inline", "authoritative", "gives_up", "resubmits", "deaf", "together")


def replay(scenario: Scenario, actions: list[Action], story: list[str] | None = None) -> Outcome:
    """The same actions, as far as they are still possible. `story` is told what happens."""
    return play(scenario, partial(_drive, actions), random.Random(0), story)


async def _drive(actions: list[Action], session: Session) -> None:
    for action in actions:
        if action in session.world.choices.everything():
            await session.act(action)


def shrink(outcome: Outcome) -> Outcome:
    """Leave out what is not needed to break the same promise."""
    best, left = _without_the_rest(outcome), _TRIES
    size = max(1, len(best.actions) // 2)
    while size and left:
        at = 0
        while at < len(best.actions) and left:
            left -= 1
            shorter = replay(best.scenario, best.actions[:at] + best.actions[at + size :])
            if _is_same(shorter, best) and len(shorter.actions) < len(best.actions):
                best = shorter
            else:
                at += size
        size //= 2
    return best


def _without_the_rest(outcome: Outcome) -> Outcome:
    """Some promises break whatever way the world comes to rest."""
    shorter = replay(outcome.scenario, outcome.actions)
    if _is_same(shorter, outcome):
        return shorter
    return replace(outcome, actions=[*outcome.actions, *outcome.rest])


def _is_same(one: Outcome, other: Outcome) -> bool:
    return one.broken[:2] == other.broken[:2]


def tell(outcome: Outcome) -> str:
    """The shortest schedule like this one, in words."""
    return story_of(shrink(outcome))


def story_of(outcome: Outcome) -> str:
    """A schedule in words."""
    story: list[str] = []
    replay(outcome.scenario, outcome.actions, story)
    lines = [*_without_repetition(story)][:_LINES]
    return "\n  ".join([outcome.broken, _describe(outcome.scenario), *lines])


def _without_repetition(story: list[str]) -> Iterator[str]:
    for line, same in groupby(story):
        times = len(list(same))
        yield line if times == 1 else f"{line} ({times} times)"


def _describe(scenario: Scenario) -> str:
    requests = ", ".join(
        f"{each.key} ({each.body}, slot {each.slot or '-'})" for each in scenario.planned_requests
    )
    traits = [name for name in _TRAITS if getattr(scenario, name)]
    return f"requests: {requests}; places: {scenario.places}; {', '.join(traits) or 'plain'}"
