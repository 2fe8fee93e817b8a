"""What clients do in one schedule, and how much may go wrong in it."""

import random
from dataclasses import dataclass, fields, replace
from typing import Any

CAP = 2  #: messages of one kind in the hands of workers


@dataclass(frozen=True)
class PlannedRequest:
    """A request for a job."""

    key: str
    body: str
    slot: str = ""
    within: float = 0  #: seconds until its `finish_by`; 0: none
    replaces: bool = False  #: whoever is filling its slot
    after: tuple[str, ...] = ()  #: keys of requests that it waits for
    reuses: bool = False  #: what is stored already
    is_late: bool = False  #: not sent before a job has succeeded

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True)
class Scenario:
    """Planned requests, and budgets: how often each thing may happen."""

    planned_requests: tuple[PlannedRequest, ...] = (PlannedRequest("a", "x"),)
    has_two_places: bool = False  #: in the account, which else has one
    inline: bool = False  #: the provider answers with the picture itself
    authoritative: bool = False  #: its look-up sees everything that it accepted
    gives_up: bool = False  #: clients want `submit_unknown` to fail
    resubmits: bool = False  #: clients want it to be submitted again, which may be paid twice
    holds: bool = False  #: first events are in budget records before they are in the log
    deaf: bool = False  #: no hint is ever heard
    together: bool = False  #: all render workers hear with the same ears
    crash_at: tuple[str, ...] = ()  #: acts before which processes crash; (): all
    freeze_at: tuple[str, ...] = ()
    resends: int = 0
    repeats: int = 0  #: of requests to try again
    cancels: int = 0
    detaches: int = 0
    retries: int = 0
    crashes: int = 0
    freezes: int = 0
    outages: int = 0  #: acts on the bus that fail, or succeed and say nothing
    fulls: int = 0  #: acts on the bus for which there is no room
    bugs: int = 0
    drains: int = 0
    lost_acks: int = 0
    hastes: int = 0  #: of a dispatcher that does not know who waits for others
    half_moves: int = 0  #: the server forgets that a moved message left the queue
    refusals: int = 0
    failures: int = 0
    silences: int = 0
    purges: int = 0
    idle_polls: int = 1
    ticks: int = 20

    @property
    def places(self) -> int:
        return 2 if self.has_two_places else 1


Budgets = dict[str, int]

BUDGETS = tuple(each.name for each in fields(Scenario) if each.type is int)

EVERYTHING = Scenario(
    planned_requests=(
        PlannedRequest("a", "x", "s"),
        PlannedRequest("b", "x", "s"),
        PlannedRequest("c", "y", "s"),
        PlannedRequest("d", "z"),
        PlannedRequest("d", "y"),
    ),
    resends=2,
    repeats=1,
    cancels=1,
    detaches=1,
    retries=2,
    crashes=3,
    freezes=2,
    outages=2,
    fulls=2,
    bugs=3,
    drains=1,
    lost_acks=2,
    half_moves=1,
    refusals=2,
    failures=1,
    silences=2,
    purges=3,
    idle_polls=3,
)


def budgets_of(scenario: Scenario) -> Budgets:
    """What is left of everything at the beginning."""
    return {name: getattr(scenario, name) for name in BUDGETS}


def some_of(whole: Scenario, rng: random.Random) -> Scenario:
    """A part of a scenario: fewer things at once are tried deeper."""
    budgets: dict[str, Any] = {
        name: rng.choice([0, rng.randint(1, most)])
        for name in BUDGETS
        if name != "ticks" and (most := getattr(whole, name))
    }
    planned_requests = rng.sample(
        whole.planned_requests, min(len(whole.planned_requests), rng.choice([1, 1, 1, 2, 2, 3]))
    )
    return replace(
        whole,
        planned_requests=tuple(_in_a_hurry(planned, rng) for planned in planned_requests),
        has_two_places=rng.random() < 0.3,
        inline=rng.random() < 0.1,
        authoritative=rng.random() < 0.4,
        gives_up=rng.random() < 0.1,
        deaf=rng.random() < 0.2,
        together=rng.random() < 0.3,
        resubmits=rng.random() < 0.1,
        **budgets,
    )


def _in_a_hurry(planned: PlannedRequest, rng: random.Random) -> PlannedRequest:
    return replace(planned, within=rng.choice([0, 0, 0, 3, 40, 100]))
