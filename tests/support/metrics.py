"""Metrics: those that processes show, and those that docs/observability.md lists."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.stack import Stack

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
SERVICES = ("gateway", "render", "storage", "status")

_ROW = re.compile(r"^\| `(heliograph_\w+)` \| (\w+)[^|]*\| ([^|]*)\|", re.MULTILINE)
_LABEL = re.compile(r"`(\w+)`(?=,|:| *$)")


class Listed(NamedTuple):
    """A metric as the page has it."""

    type: str
    labels: frozenset[str]


def listed_metrics() -> dict[str, Listed]:
    """The page's list, by name."""
    rows = _ROW.findall(PAGE.read_text())
    return {name: Listed(type_, _labels(cell)) for name, type_, cell in rows}


def _labels(cell: str) -> frozenset[str]:
    """Names of labels; what stands behind a colon are values of the last one."""
    return frozenset(_LABEL.findall(f"{cell.partition(':')[0].strip()}"))


def listed_series() -> frozenset[str]:
    """Names that queries may use."""
    return frozenset(
        series for name, metric in listed_metrics().items() for series in _series(name, metric.type)
    )


def _series(name: str, type_: str) -> Iterable[str]:
    ends = ("_bucket", "_sum", "_count") if type_ == "histogram" else ("",)
    return (f"{name}{end}" for end in ends)


def scrape(stack: Stack) -> dict[str, str]:
    """What each service shows, as text."""
    return {
        service: httpx.get(f"{stack.url(service)}/metrics", trust_env=False).text
        for service in SERVICES
    }


def families(text: str) -> list[Metric]:
    """The metrics in a response."""
    return list(text_string_to_metric_families(text))


def full_name(family: Metric) -> str:
    """The name of a metric as queries have it: the parser takes the end of counters away."""
    return f"{family.name}_total" if family.type == "counter" else family.name
