"""Defaults change by what a request names, and go into what the provider gets."""

from typing import Any

import pytest

from heliograph.contracts.kinds import Kind
from heliograph.contracts.projects import ChangeDefaults, Defaults, changed
from heliograph.contracts.provider_arguments import final_prompt, result_digest
from heliograph.contracts.records import Record
from tests.support.records import a_record

KIND = Kind(lane="shots", media="image", model="sim/picture", expected_seconds=1, timeout_seconds=1)
BEFORE = Defaults(
    models={"portrait": "sim/picture", "shot": "sim/edit"}, aspect_ratio="3:4", style="oil"
)


def change(**fields: Any) -> Defaults:
    return changed(BEFORE, ChangeDefaults.model_validate(fields))


def styled(style: str | None, **fields: Any) -> Record:
    arguments = fields.pop("arguments", {})
    record = a_record(project="demo", **fields)
    internal = record.internal.model_copy(update={"style": style})
    return record.model_copy(update={"internal": internal, "arguments": arguments})


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({}, {}),
        ({"models": {}}, {}),
        ({"style": "ink"}, {"style": "ink"}),
        ({"style": None}, {"style": None}),
        ({"locked_model": "sim/edit"}, {"locked_model": "sim/edit"}),
        ({"models": None}, {"models": {}}),
        ({"models": {"shot": None}}, {"models": {"portrait": "sim/picture"}}),
        (
            {"models": {"video": "sim/motion"}},
            {"models": {**BEFORE.models, "video": "sim/motion"}},
        ),
    ],
    ids=str,
)
def test_what_is_named_changes_and_the_rest_stays(
    fields: dict[str, Any], after: dict[str, Any]
) -> None:
    assert change(**fields) == BEFORE.model_copy(update=after)


def test_a_style_is_appended_to_the_prompt() -> None:
    record = styled("{oil}", prompt="a {keeper}", edit_prompt="at night")

    assert final_prompt(record, KIND) == "a {keeper}\n\nat night\n\nStyle: {oil}"


def test_a_kind_may_put_a_style_elsewhere_or_nowhere() -> None:
    elsewhere = KIND.model_copy(update={"style_template": "{style}: {prompt}"})
    nowhere = KIND.model_copy(update={"style_template": "{prompt}"})

    assert final_prompt(styled("oil"), elsewhere) == "oil: a lighthouse"
    assert final_prompt(styled("oil"), nowhere) == "a lighthouse"


def test_without_a_style_the_prompt_is_unchanged() -> None:
    assert final_prompt(styled(None), KIND) == "a lighthouse"


def digest_of(record: Record, endpoint: str = "picture", references: tuple[str, ...] = ()) -> str:
    return result_digest(record, KIND, endpoint, references)


@pytest.mark.parametrize(
    "fields",
    [
        {"slot": "shot/12"},
        {"priority": "high"},
        {"tags": {"show": "s1"}},
        {"user": "alice"},
        {"kind": "portrait"},
        {"arguments": {"seconds": 0.0}},
    ],
    ids=str,
)
def test_metadata_of_a_request_does_not_change_its_input_digest(fields: dict[str, Any]) -> None:
    assert digest_of(styled(None, **fields)) == digest_of(styled(None))


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "a boat"},
        {"edit_prompt": "at night"},
        {"model": "sim/motion", "kind": "video"},
        {"parameters": {"seed": 1}},
        {"arguments": {"seed": 1}},
    ],
    ids=str,
)
def test_what_the_provider_gets_does(fields: dict[str, Any]) -> None:
    assert digest_of(styled(None, **fields)) != digest_of(styled(None))


def test_so_do_style_endpoint_and_the_order_of_references() -> None:
    digests = [
        digest_of(styled(None)),
        digest_of(styled("oil")),
        digest_of(styled(None), "picture/v2"),
        digest_of(styled(None), references=("sha256:a", "sha256:b")),
        digest_of(styled(None), references=("sha256:b", "sha256:a")),
    ]

    assert len(set(digests)) == len(digests)
