"""Schemas of parameters say how a form shows them, and mean the same as before."""

import pytest
from jsonschema import Draft202012Validator

from heliograph.runtime.catalog.parameter_forms import parameter_forms, with_forms
from tests.support.records import CATALOG


def test_every_parameter_of_every_model_has_a_form() -> None:
    named = {name for model in CATALOG.models.values() for name in model.parameters}

    assert named == set(parameter_forms())


@pytest.mark.parametrize("name", CATALOG.models)
def test_a_schema_with_forms_is_in_order_and_valid(name: str) -> None:
    parameters = CATALOG.models[name].parameters

    shown = with_forms(parameters)

    assert shown.keys() == parameters.keys()
    assert [each["x-order"] for each in shown.values()] == list(range(len(shown)))
    assert all(each["title"] and "x-advanced" in each for each in shown.values())
    assert all(parameters[each].items() <= shown[each].items() for each in shown)
    for each in shown.values():
        Draft202012Validator.check_schema(each)


def test_common_parameters_come_before_advanced_ones() -> None:
    shown = with_forms(CATALOG.models["sim/picture"].parameters)

    assert next(iter(shown)) == "aspect_ratio"
    assert [each["x-advanced"] for each in shown.values()] == sorted(
        each["x-advanced"] for each in shown.values()
    )
    assert shown["timeout_seconds"]["x-unit"] == "s"


def test_a_property_has_the_last_word_and_an_unknown_one_comes_last() -> None:
    own = {"mystery": {"type": "string"}, "seed": {"type": "integer", "title": "Luck"}}

    shown = with_forms(own)

    assert list(shown) == ["seed", "mystery"]
    assert shown["seed"]["title"] == "Luck"
    assert shown["mystery"] == {"type": "string", "x-order": 1}
