"""Dashboards: what is committed is what the code makes, and asks for what is shown."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.observability.dashboards import DASHBOARDS, FOLDER, as_json
from tests.support.metrics import listed_metrics, listed_series


def expressions(document: Any) -> Iterator[str]:
    """Every query in a dashboard."""
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def _committed() -> list[str]:
    return [each for file in FOLDER.iterdir() for each in expressions(json.loads(file.read_text()))]


@pytest.mark.parametrize(("name", "make"), DASHBOARDS.items(), ids=DASHBOARDS)
def test_the_committed_dashboard_is_the_one_that_the_code_makes(
    name: str, make: Callable[[], Dashboard]
) -> None:
    assert (FOLDER / f"{name}.json").read_text() == as_json(make()), "run `make dashboards`"


def test_no_other_dashboard_is_committed() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(DASHBOARDS)


def test_dashboards_ask_for_metrics_that_are_shown() -> None:
    asked = {name for each in _committed() for name in re.findall(r"heliograph_\w+", each)}

    assert asked - listed_series() == set()


def test_every_metric_is_on_a_dashboard() -> None:
    shown = " ".join(_committed())

    assert [name for name in listed_metrics() if name not in shown] == []
