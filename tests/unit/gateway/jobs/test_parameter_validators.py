"""Parameters that were valid before are not checked again, and nothing else passes for them."""

from typing import Any

import pytest

from heliograph.contracts.models import Model
from services.gateway.jobs.parameter_validators import parameter_validator
from tests.support.records import CATALOG

MODEL = CATALOG.models["sim/picture"]


def model(**schema: Any) -> Model:
    return MODEL.model_copy(update={"parameters": {"seed": schema}})


@pytest.mark.parametrize("seed", [True, "1", 1.5, [1], None, 2])
def test_what_only_resembles_valid_parameters_is_refused(seed: object) -> None:
    validator = parameter_validator("sim/mine", model(type="integer", maximum=1))

    assert validator.errors({"seed": 1}) == []
    assert validator.errors({"seed": 1}) == []
    assert validator.errors({"seed": seed}) != []


def test_what_is_wrong_is_wrong_each_time() -> None:
    validator = parameter_validator("sim/mine", model(type="integer"))

    assert len(validator.errors({"seed": "x"})) == len(validator.errors({"seed": "x"})) == 1


def test_a_model_that_is_described_anew_has_other_valid_parameters() -> None:
    assert parameter_validator("sim/mine", model(type="integer")).errors({"seed": 7}) == []

    assert parameter_validator("sim/mine", model(type="string")).errors({"seed": 7}) != []


def test_large_parameters_are_checked_like_others() -> None:
    validator = parameter_validator("sim/mine", model(type="string"))

    for _ in range(2):
        assert validator.errors({"seed": "x" * 100_000}) == []
