"""Alert rules: each fires when it should and not before, is explained, and asks for what is shown."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.metrics import PAGE, listed_series
from tests.support.prometheus import OBSERVABILITY, program

RULES = OBSERVABILITY / "alerts.yaml"
TESTS = OBSERVABILITY / "alerts.test.yaml"


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


NAMES = [rule["alert"] for rule in _rules()]


def test_promtool_accepts_the_rules() -> None:
    _run("check", "rules", str(RULES))


def test_each_alert_fires_with_its_bad_series_only() -> None:
    _run("test", "rules", str(TESTS))


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [program("promtool"), *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_series_of_each_kind(name: str) -> None:
    expected = [
        bool(test["exp_alerts"])
        for case in yaml.safe_load(TESTS.read_text())["tests"]
        for test in case["alert_rule_test"]
        if test["alertname"] == name
    ]

    assert sorted(expected) == [False, True]


def test_the_page_explains_exactly_the_alerts_that_there_are() -> None:
    explained = re.findall(r"^\| `(Heliograph\w+)` \|", PAGE.read_text(), re.MULTILINE)

    assert explained == NAMES


def test_alerts_ask_for_metrics_that_are_shown() -> None:
    asked = {name for rule in _rules() for name in re.findall(r"heliograph_\w+", rule["expr"])}

    assert asked - listed_series() == set()
