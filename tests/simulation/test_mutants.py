"""No safeguard is there for nothing: without it some schedule breaks a promise, with it none does."""

import pytest

from tests.simulation.mutant_seeds import first_broken, recorded_seeds
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutants.registry import Mutant
from tests.simulation.random_schedules import run
from tests.simulation.shrinking import story_of


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_promise_is_broken_when(mutant: Mutant) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant.take_out(patch)
        seed, broken = first_broken(mutant, recorded_seeds().get(mutant.name))

    assert broken.startswith(mutant.breaks)
    harmless = run(seed, mutant.scenario)
    assert not harmless.broken, story_of(harmless)


def test_every_mutant_has_a_name_of_its_own_and_a_recorded_seed() -> None:
    assert sorted(recorded_seeds()) == sorted(mutant.name for mutant in MUTANTS)
