"""What a project keeps is what it said last, and of a kind what was said of that kind."""

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.contracts.retention import ChangeRetention, CleanupRequest, Retention, Rule

BEFORE = Retention.model_validate(
    {"versions": 5, "days": 90, "kinds": {"shot": {"versions": 2}, "video": {"days": 7}}}
)


def change(**fields: Any) -> Retention:
    return BEFORE.after(ChangeRetention.model_validate(fields))


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({}, {}),
        ({"versions": 3}, {"versions": 3}),
        ({"days": None}, {"days": None}),
        ({"kinds": {}}, {}),
        ({"kinds": None}, {"kinds": {}}),
        ({"kinds": {"shot": None}}, {"kinds": {"video": {"days": 7}}}),
        (
            {"kinds": {"shot": {"days": 1}}},
            {"kinds": {"shot": {"days": 1}, "video": {"days": 7}}},
        ),
    ],
    ids=str,
)
def test_what_is_named_changes_and_the_rest_stays(
    fields: dict[str, Any], after: dict[str, Any]
) -> None:
    assert change(**fields) == Retention.model_validate({**BEFORE.model_dump(), **after})


def test_a_kind_is_kept_by_its_own_rule_and_else_by_that_of_the_project() -> None:
    shot, video, image = (BEFORE.of(kind) for kind in ("shot", "video", "image"))

    assert (shot.versions, shot.days, shot.failed_days) == (2, 90, None)
    assert (video.versions, video.days) == (5, 7)
    assert (image.versions, image.days) == (5, 90)


@pytest.mark.parametrize(
    ("rules", "is_limited"),
    [
        ({}, False),
        ({"kinds": {"shot": {}}}, False),
        ({"days": 0}, True),
        ({"kinds": {"shot": {"failed_days": 1}}}, True),
    ],
    ids=str,
)
def test_without_a_rule_nothing_is_pruned(rules: dict[str, Any], is_limited: bool) -> None:
    assert Retention.model_validate(rules).is_limited is is_limited


def test_the_least_of_all_rules_is_known() -> None:
    assert BEFORE.least == Rule(versions=2, days=7)
    assert Retention().least == Rule()


def test_what_is_stored_is_read_back() -> None:
    stored = BEFORE.model_dump(exclude_defaults=True)

    assert Retention.model_validate(stored) == BEFORE


@pytest.mark.parametrize(
    "wrong",
    [
        {"versions": 0},
        {"versions": "3"},
        {"days": -1},
        {"failed_days": 1e9},
        {"weeks": 1},
        {"kinds": {"shot": {"weeks": 1}}},
        {"kinds": {"no kind": {"days": 1}}},
    ],
    ids=str,
)
def test_an_invalid_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChangeRetention.model_validate(wrong)


def test_a_change_is_looked_at_and_not_made_on_the_way() -> None:
    with pytest.raises(ValidationError, match="dry_run"):
        CleanupRequest.model_validate({"retention": {"days": 1}})

    assert CleanupRequest.model_validate({"dry_run": True, "retention": {"days": 1}}).retention
