"""Quotas and usage of API keys: a key is counted over all its projects, and reports say what it spent."""

from typing import Any

import httpx
import pytest

from tests.support.access import bearer
from tests.support.polling import until_true
from tests.support.records import some_project
from tests.support.stack import Stack

FAST = {"seconds": 0}


@pytest.fixture
def url(keyed: Stack) -> str:
    return f"{keyed.url('gateway')}/v1"


async def made(
    http: httpx.AsyncClient, url: str, headers: dict[str, str], **fields: Any
) -> dict[str, Any]:
    body = {
        "name": "test",
        "scopes": ["jobs:read", "jobs:write", "usage:read", "keys:write"],
        **fields,
    }
    response = await http.post(f"{url}/keys", json=body, headers=headers)
    assert response.status_code == 201, response.text
    key: dict[str, Any] = response.json()
    return key


async def ask(
    http: httpx.AsyncClient, url: str, key: dict[str, Any], project: str, **fields: Any
) -> httpx.Response:
    body = {"kind": "image", "prompt": "x", "parameters": FAST, **fields}
    return await http.post(f"{url}/projects/{project}/jobs", json=body, headers=bearer(key["key"]))


async def test_a_key_is_counted_over_all_its_projects(
    http: httpx.AsyncClient, url: str, admin: dict[str, str]
) -> None:
    key = await made(http, url, admin, quotas={"requests": {"limit": 2, "window_seconds": 3_600}})

    codes = [(await ask(http, url, key, some_project())).status_code for _ in range(3)]

    assert codes == [202, 202, 429]
    assert key["quotas"]["requests"] == {"limit": 2, "window_seconds": 3_600}


async def test_the_quotas_of_a_key_change_while_it_works(
    http: httpx.AsyncClient, url: str, admin: dict[str, str]
) -> None:
    key = await made(http, url, admin, quotas={"requests": {"limit": 1, "window_seconds": 3_600}})
    await ask(http, url, key, some_project())

    changed = await http.patch(
        f"{url}/keys/{key['id']}", json={"quotas": {"requests": None}}, headers=admin
    )

    assert changed.json()["quotas"]["requests"] is None
    assert (await ask(http, url, key, some_project())).status_code == 202


async def test_a_key_cannot_change_its_own_quotas_and_hands_them_on(
    http: httpx.AsyncClient, url: str, admin: dict[str, str]
) -> None:
    key = await made(http, url, admin, quotas={"jobs_in_flight": 1})
    own = bearer(key["key"])

    raised = await http.patch(
        f"{url}/keys/{key['id']}", json={"quotas": {"jobs_in_flight": 9}}, headers=own
    )
    child = await made(http, url, own)
    other = await http.post(
        f"{url}/keys",
        json={"name": "x", "scopes": ["jobs:read"], "quotas": {"jobs_in_flight": 9}},
        headers=own,
    )

    assert raised.status_code == 403
    assert child["quotas"]["jobs_in_flight"] == 1
    assert other.json()["code"] == "key_exceeds_parent"


async def test_a_revoked_key_changes_no_more(
    http: httpx.AsyncClient, url: str, admin: dict[str, str]
) -> None:
    key = await made(http, url, admin)
    await http.delete(f"{url}/keys/{key['id']}", headers=admin)

    changed = await http.patch(
        f"{url}/keys/{key['id']}", json={"quotas": {"jobs_in_flight": 1}}, headers=admin
    )

    assert (changed.status_code, changed.json()["code"]) == (409, "state_conflict")


async def test_usage_says_which_key_spent_what(
    http: httpx.AsyncClient, url: str, admin: dict[str, str]
) -> None:
    project = some_project()
    keys = [await made(http, url, admin) for _ in range(2)]
    for number, key in enumerate(keys, start=1):
        jobs = [{"kind": "image", "prompt": f"{n}", "parameters": FAST} for n in range(number)]
        await http.post(
            f"{url}/projects/{project}/batches", json={"jobs": jobs}, headers=bearer(key["key"])
        )

    async def is_counted() -> bool:
        response = await http.get(
            f"{url}/projects/{project}/usage",
            params={"by": "key"},
            headers=bearer(keys[0]["key"]),
        )
        jobs_by_key = {item["key"]: item["jobs"] for item in response.json()["items"]}
        return bool(jobs_by_key == {keys[0]["id"]: 1, keys[1]["id"]: 2})

    await until_true(is_counted)
