"""What a running system shows to Prometheus: listed, explained, and of bounded size."""

from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import Metric

from heliograph.client import Client
from tests.support.metrics import families, full_name, listed_metrics, scrape
from tests.support.polling import until_true
from tests.support.stack import Stack

_OURS = "heliograph_"
_BY_PROMETHEUS = frozenset({"le", "quantile"})
#: metrics of what no job of this test did
_RARE = frozenset({"heliograph_account_in_use", "heliograph_account_cap"})
_REQUEST: dict[str, Any] = {"kind": "image", "prompt": "a buoy"}
_USER, _TAG = f"user-{uuid4().hex}", f"tag-{uuid4().hex}"


@pytest.fixture
async def scraped(stack: Stack, client: Client) -> dict[str, str]:
    """After a job that cost something, and one that failed."""
    good = await client.submit(
        **_REQUEST, parameters={"seconds": 0, "price": "0.25"}, user=_USER, tags={"scene": _TAG}
    )
    bad = await client.submit(**_REQUEST, parameters={"seconds": 0, "fault": "reject"})
    ended = await client.finish(good.id, bad.id)
    assert [job.status for job in ended] == ["succeeded", "failed"]

    async def are_lanes_shown() -> bool:
        return "heliograph_lane_cap{" in scrape(stack)["gateway"]

    await until_true(are_lanes_shown)
    texts = scrape(stack)
    for service, text in texts.items():
        for name in (good.project, good.id, bad.id, _USER, _TAG):
            assert name not in text, f"{service} shows {name}"
    return texts


def _ours(texts: dict[str, str]) -> list[Metric]:
    return [
        family
        for text in texts.values()
        for family in families(text)
        if family.name.startswith(_OURS)
    ]


async def test_each_metric_is_listed_with_its_type_and_labels(scraped: dict[str, str]) -> None:
    listed = listed_metrics()

    for family in _ours(scraped):
        name = full_name(family)
        assert name in listed, f"{name} is not in docs/observability.md"
        assert family.type == listed[name].type, name
        labels = {label for sample in family.samples for label in sample.labels} - _BY_PROMETHEUS
        assert labels in (set(), listed[name].labels), name


async def test_each_listed_metric_is_shown_and_explained(scraped: dict[str, str]) -> None:
    helps = {full_name(family): family.documentation for family in _ours(scraped)}

    assert listed_metrics().keys() - _RARE - helps.keys() == set()
    assert [name for name, text in helps.items() if not text] == []


async def test_the_life_of_a_job_is_counted(scraped: dict[str, str]) -> None:
    counts = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in _ours(scraped)
        for sample in family.samples
        if sample.labels.get("kind") == "image"
    }

    assert counts["heliograph_jobs_accepted_total", None] >= 2
    assert counts["heliograph_jobs_started_total", None] >= 2
    assert counts["heliograph_jobs_finished_total", "succeeded"] >= 1
    assert counts["heliograph_jobs_finished_total", "failed"] >= 1


async def test_what_providers_charge_is_added_up(
    scraped: dict[str, str], stack: Stack, client: Client
) -> None:
    before = _cost(scraped)

    job = await client.submit(**_REQUEST, parameters={"seconds": 0, "price": "0.5"})
    await client.wait(job.id)

    assert _cost(scrape(stack)) - before == pytest.approx(0.5)


async def test_the_number_of_series_does_not_grow_with_projects(
    scraped: dict[str, str], stack: Stack
) -> None:
    before = _series(scraped)
    for _ in range(4):
        project = f"p{uuid4().hex[:12]}"
        async with stack.client(project) as client:
            job = await client.submit(kind="image", prompt="a buoy", parameters={"seconds": 0})
            await client.wait(job.id)
        again = _series(scrape(stack))
        assert not any(project in labels for _, labels in again)

    new = {name for name, _ in again - before}
    assert new <= _SHOWN_LATER


def _cost(texts: dict[str, str]) -> float:
    return sum(
        sample.value
        for family in _ours(texts)
        for sample in family.samples
        if sample.name == "heliograph_cost_usd_total"
    )


#: that another test of the same system may bring about for the first time meanwhile
_SHOWN_LATER = frozenset({"heliograph_message_seconds_bucket"})


def _series(texts: dict[str, str]) -> set[tuple[str, str]]:
    return {
        (sample.name, str(sorted(sample.labels.items())))
        for family in _ours(texts)
        for sample in family.samples
    }
