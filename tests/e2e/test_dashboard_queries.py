"""Dashboards and alerts, asked of a real Prometheus that scrapes the running system."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from heliograph.client import Client
from tests.support.metrics import SERVICES
from tests.support.polling import until, until_true
from tests.support.prometheus import OBSERVABILITY, Prometheus, prometheus_running
from tests.support.stack import Stack

#: what no job of this test brings about
_RARE = (
    "account_in_use",
    "account_cap",
    "reference_copies_hits",
    "reference_copies_misses",
)
_WINDOW = "1m"  #: in place of Grafana's `$__rate_interval`
_REQUEST: dict[str, Any] = {"kind": "image", "prompt": "a buoy"}


def _queries() -> list[str]:
    """Those of all panels."""
    files = sorted((OBSERVABILITY / "dashboards").iterdir())
    panels = [panel for file in files for panel in json.loads(file.read_text())["panels"]]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


@pytest.fixture
async def prometheus(stack: Stack, client: Client, tmp_path: Path) -> AsyncIterator[Prometheus]:
    """It has scraped every service before and after jobs, good and bad."""
    targets = {service: urlsplit(stack.url(service)).netloc for service in SERVICES}
    with prometheus_running(tmp_path, targets) as prometheus:
        await _until(prometheus, 'count(up{job="heliograph"} == 1) == 4')
        for _ in range(2):
            good = await client.submit(**_REQUEST, parameters={"seconds": 0, "price": "0.1"})
            bad = await client.submit(**_REQUEST, parameters={"seconds": 0, "fault": "reject"})
            await client.finish(good.id, bad.id)
            await _until(prometheus, "sum(heliograph_jobs_finished_total) > 0")
        await _until(prometheus, "sum(increase(heliograph_cost_usd_total[1m])) > 0")
        yield prometheus


async def _until(prometheus: Prometheus, expression: str) -> None:
    async def is_so() -> bool:
        return bool(prometheus.query(expression))

    await until_true(is_so)


async def test_every_panel_of_a_dashboard_shows_something(prometheus: Prometheus) -> None:
    expressions = [each for each in _queries() if not any(name in each for name in _RARE)]

    async def are_shown() -> bool:
        return not any(_is_empty(prometheus, each) for each in expressions)

    with suppress(TimeoutError):
        await until_true(are_shown)
    assert [each for each in expressions if _is_empty(prometheus, each)] == []


async def test_prometheus_understands_every_query(prometheus: Prometheus) -> None:
    for each in _queries():
        _is_empty(prometheus, each)


async def test_a_system_at_rest_alerts_nobody(prometheus: Prometheus) -> None:
    firing = prometheus.query('ALERTS{alertstate="firing", alertname!="HeliographDiskFilling"}')

    assert firing == []


async def test_a_lost_submission_alerts_the_operator(
    prometheus: Prometheus, client: Client
) -> None:
    lost = {"seconds": 0, "price": "0.1", "fault": "lost_reply"}
    job = await client.submit(**_REQUEST, parameters=lost)

    await until(client, job.id, phase="submit_unknown")

    await _until(prometheus, 'ALERTS{alertname="HeliographAmbiguousSubmit", alertstate="firing"}')


def _is_empty(prometheus: Prometheus, expression: str) -> bool:
    return not prometheus.query(expression.replace("$__rate_interval", _WINDOW))
