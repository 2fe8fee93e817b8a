"""No safeguard is there for nothing: without it some schedule breaks a promise, with it none does."""

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutants.registry import Mutant
from tests.simulation.random_schedules import run
from tests.simulation.shrinking import story_of

_MOST = 4_000  #: schedules in the search for one that breaks something


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_promise_is_broken_when(mutant: Mutant) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant.take_out(patch)
        seed, broken = _first_broken(mutant)

    assert broken.startswith(mutant.breaks)
    for each in range(seed + 1):
        harmless = run(each, mutant.scenario)
        assert not harmless.broken, story_of(harmless)


def _first_broken(mutant: Mutant) -> tuple[int, str]:
    """The first seed whose schedule breaks something, and what."""
    for seed in range(_MOST):
        broken = run(seed, mutant.scenario).broken
        if broken:
            return seed, broken
    pytest.fail(f"{_MOST} schedules break nothing")
