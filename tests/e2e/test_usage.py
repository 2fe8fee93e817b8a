"""Usage with everything running: what a project spent, by what it is asked for."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.polling import until_true
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PAID = {"seconds": 0, "price": "0.02"}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


@pytest.fixture
async def spent(client: Client, http: httpx.AsyncClient) -> None:
    """Three jobs of two users and two kinds, at 0.02 each; one of them failed for nothing."""
    jobs = [
        await client.submit(kind="image", prompt="1", user="alice", parameters=PAID),
        await client.submit(kind="portrait", prompt="2", user="bob", parameters=PAID),
        await client.submit(
            kind="portrait", prompt="3", user="bob", parameters={**PAID, "fault": "reject"}
        ),
    ]
    await client.finish(*(job.id for job in jobs))

    async def is_counted() -> bool:
        counts = (await usage(http))["total"]["counts"]
        return bool(counts.get("succeeded") == 2 and counts.get("failed") == 1)

    await until_true(is_counted)


async def usage(http: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    response = await http.get("/usage", params=query)
    assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


async def test_a_project_without_jobs_has_spent_nothing(http: httpx.AsyncClient) -> None:
    report = await usage(http)

    assert report["items"] == []
    assert (report["total"]["jobs"], report["total"]["spent"]) == (0, "0")
    assert (report["time_zone"], report["by"]) == ("UTC", ["day"])


@pytest.mark.usefixtures("spent")
async def test_the_total_is_what_the_provider_charged(
    http: httpx.AsyncClient, stack: Stack, project: str
) -> None:
    total = (await usage(http))["total"]

    ledger = sum(float(each.price) for each in stack.ledger(project))
    assert float(total["spent"]) == ledger == 0.04
    assert (total["jobs"], total["estimated"], total["actual"]) == (3, "0.06", "0.04")
    assert (total["held"], total["unknown"], total["currency"]) == ("0", "0", "USD")


@pytest.mark.usefixtures("spent")
async def test_usage_is_split_by_what_is_asked_for(http: httpx.AsyncClient) -> None:
    report = await usage(http, by="user,kind")

    assert report["by"] == ["kind", "user"]
    assert [(i["kind"], i["user"], i["jobs"], i["spent"]) for i in report["items"]] == [
        ("image", "alice", 1, "0.02"),
        ("portrait", "bob", 2, "0.02"),
    ]
    assert all(item["day"] is None and item["model"] is None for item in report["items"])


@pytest.mark.usefixtures("spent")
async def test_a_day_is_one_of_the_time_zone(http: httpx.AsyncClient) -> None:
    report = await usage(http, by="day", time_zone="Pacific/Kiritimati")

    assert report["time_zone"] == "Pacific/Kiritimati"
    assert report["since"].endswith("T10:00:00Z")
    assert sum(item["jobs"] for item in report["items"]) == 3


@pytest.mark.usefixtures("spent")
async def test_a_list_goes_on_with_its_cursor(http: httpx.AsyncClient) -> None:
    first = await http.get("/usage", params={"by": "user", "limit": 1})
    second = await usage(http, by="user", limit=1, cursor=first.json()["next"])

    assert [i["user"] for i in (*first.json()["items"], *second["items"])] == ["alice", "bob"]
    assert 'rel="next"' in first.headers["link"]
    assert second["next"] is None


@pytest.mark.usefixtures("spent")
async def test_a_cursor_is_of_one_list(http: httpx.AsyncClient) -> None:
    first = await usage(http, by="user", limit=1)

    other = await http.get("/usage", params={"by": "kind", "limit": 1, "cursor": first["next"]})

    assert other.status_code == 422


@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize("way", ["accept", "format"])
async def test_usage_comes_as_a_table_too(http: httpx.AsyncClient, way: str) -> None:
    query = {"by": "user", "limit": "1"} | ({"format": "csv"} if way == "format" else {})
    headers = {"Accept": "text/csv"} if way == "accept" else {}

    response = await http.get("/usage", params=query, headers=headers)

    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [(row["user"], row["jobs"], row["spent"]) for row in rows] == [
        ("alice", "1", "0.02"),
        ("bob", "2", "0.02"),
    ]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"by": "colour"}, "/query/by"),
        ({"by": ""}, "/query/by"),
        ({"since": "yesterday"}, "/query/since"),
        ({"since": "2030-01-02", "until": "2030-01-01"}, "/query/until"),
        ({"time_zone": "Mars/Olympus"}, "/query/time_zone"),
        ({"cursor": "x"}, "/query/cursor"),
        ({"format": "csv", "cursor": "1~2~x"}, "/query/cursor"),
        ({"limit": "0"}, "/query/limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "&".join(value),
)
async def test_a_mistake_in_the_query_is_pointed_at(
    http: httpx.AsyncClient, query: dict[str, str], pointer: str
) -> None:
    response = await http.get("/usage", params=query)

    places = [each["pointer"] for each in response.json()["errors"]]
    assert response.status_code == 422
    assert any(place.startswith(pointer) for place in places), places


async def test_usage_adds_up_to_the_budget(client: Client, http: httpx.AsyncClient) -> None:
    response = await http.put("/budget", json={"total": "1.00", "zone": "Europe/Berlin"})
    assert response.status_code == 200, response.text
    done = await client.submit(kind="image", prompt="1", parameters=PAID)
    await client.finish(done.id)
    job = await client.submit(kind="image", prompt="2", parameters={**PAID, "seconds": 30})

    async def is_settled() -> bool:
        [total] = [
            each
            for each in (await http.get("/budget")).json()["windows"]
            if each["span"] == "total"
        ]
        report = await usage(http)
        assert report["time_zone"] == "Europe/Berlin"
        both = [(each["spent"], each["held"]) for each in (total, report["total"])]
        return both == [("0.02", "0.02")] * 2

    await until_true(is_settled)
    await client.cancel(job.id)


async def test_what_is_open_is_held(client: Client, http: httpx.AsyncClient) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={**PAID, "seconds": 30})

    async def is_held() -> bool:
        return bool((await usage(http))["total"]["held"] == "0.02")

    await until_true(is_held)
    await client.cancel(job.id)


@pytest.mark.usefixtures("spent")
async def test_the_client_reads_usage(client: Client) -> None:
    today = datetime.now(UTC).date()

    report = await client.usage(("model",), since=today)
    users = [item.user async for item in client.usage_items(("user",), limit=1)]

    assert report.total
    assert report.total.jobs == 3
    assert [item.model for item in report.items] == ["sim/picture"]
    assert users == ["alice", "bob"]
