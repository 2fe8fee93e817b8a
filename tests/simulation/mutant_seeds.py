"""
Seeds of the schedules in which mutants break a promise, so that nobody searches for them anew.

A seed is recorded for speed only. Where the code under test has changed so much that a recorded
schedule breaks nothing any more, the search begins again; `make seeds` records what it finds.
"""

import json
import logging
from functools import cache
from pathlib import Path

import pytest
import structlog

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutants.registry import Mutant
from tests.simulation.random_schedules import run
from tests.simulation.virtual_time import virtual_time

_FILE = Path(__file__).with_name("mutant_seeds.json")
_MOST = 4_000  #: schedules in the search for one that breaks something


@cache
def recorded_seeds() -> dict[str, int]:
    """The seed of each mutant, by the mutant's name."""
    seeds: dict[str, int] = json.loads(_FILE.read_text())
    return seeds


def first_broken(mutant: Mutant, recorded: int | None) -> tuple[int, str]:
    """A seed whose schedule breaks something while the safeguard is out, and what it breaks."""
    if recorded is not None and (broken := run(recorded, mutant.scenario).broken):
        return recorded, broken
    for seed in range(_MOST):
        if broken := run(seed, mutant.scenario).broken:
            return seed, broken
    pytest.fail(f"{_MOST} schedules break nothing")


def _record() -> None:
    """Write the first seed of each mutant whose recorded one breaks nothing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seeds = {}
    for mutant in MUTANTS:
        with virtual_time(), pytest.MonkeyPatch.context() as patch:
            mutant.take_out(patch)
            seeds[mutant.name], _ = first_broken(mutant, recorded_seeds().get(mutant.name))
    _FILE.write_text(json.dumps(seeds, indent=2) + "\n")


if __name__ == "__main__":
    _record()
