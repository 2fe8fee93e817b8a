"""Keys are created, handed on within bounds, rotated and revoked, and hold everywhere at once."""

import stat
from pathlib import Path
from typing import Any

import httpx

from tests.support.access import KeyMaker, bearer
from tests.support.polling import until_true
from tests.support.records import some_project
from tests.support.stack import Stack


class Keys:
    """The routes of keys, asked by one key."""

    def __init__(self, http: httpx.AsyncClient, stack: Stack, headers: dict[str, str]) -> None:
        self._http = http
        self._url = f"{stack.url('gateway')}/v1/keys"
        self._headers = headers

    async def ask(self, method: str, path: str = "", **body: Any) -> httpx.Response:
        content = body if method == "POST" else None
        url = f"{self._url}{path}"
        return await self._http.request(method, url, headers=self._headers, json=content)


def test_the_first_key_is_in_its_file_for_its_owner_only(
    keyed: Stack, admin: dict[str, str], first_key_file: Path
) -> None:
    me = httpx.get(f"{keyed.url('gateway')}/v1/keys/me", headers=admin).json()

    assert (me["name"], me["scopes"], me["projects"]) == ("first key", ["admin"], None)
    assert stat.S_IMODE(first_key_file.stat().st_mode) == 0o600


async def test_a_new_key_works_at_once_where_it_was_made(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    made = await Keys(http, keyed, admin).ask("POST", name="shop", scopes=["jobs:write"])
    key = made.json()

    me = await Keys(http, keyed, bearer(key["key"])).ask("GET", "/me")

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert me.json() == {name: value for name, value in key.items() if name != "key"}


async def test_a_key_hands_on_no_more_than_it_has(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    own = some_project()
    asked = await Keys(http, keyed, admin).ask(
        "POST", name="some", scopes=["keys:write", "jobs:read"], projects=[own]
    )
    some = Keys(http, keyed, bearer(asked.json()["key"]))

    wider = [
        await some.ask("POST", name="x", scopes=["admin"]),
        await some.ask("POST", name="x", scopes=["jobs:write"]),
        await some.ask("POST", name="x", scopes=["jobs:read"], projects=[own, "other"]),
    ]
    child = (await some.ask("POST", name="child", scopes=["jobs:read"])).json()
    seen = (await some.ask("GET")).json()["items"]

    assert [response.json()["code"] for response in wider] == ["key_exceeds_parent"] * 3
    assert (child["projects"], child["created_by"]) == ([own], asked.json()["id"])
    assert {each["id"] for each in seen} == {asked.json()["id"], child["id"]}
    first = (await Keys(http, keyed, admin).ask("GET", "/me")).json()["id"]
    assert (await some.ask("DELETE", f"/{first}")).status_code == 404


async def test_both_secrets_of_a_rotated_key_work(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    operator = Keys(http, keyed, admin)
    old = (await operator.ask("POST", name="rotated", scopes=["jobs:read"])).json()

    new = (await operator.ask("POST", f"/{old['id']}/rotate")).json()

    assert new["id"] == old["id"]
    assert new["rotated_until"]
    for secret in (old["key"], new["key"]):
        me = await Keys(http, keyed, bearer(secret)).ask("GET", "/me")
        assert me.json()["id"] == old["id"]


async def test_without_an_overlap_the_old_secret_works_no_more(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    operator = Keys(http, keyed, admin)
    old = (await operator.ask("POST", name="leaked", scopes=["jobs:read"])).json()

    await operator.ask("POST", f"/{old['id']}/rotate", overlap_hours=0)

    assert (await Keys(http, keyed, bearer(old["key"])).ask("GET", "/me")).status_code == 401


async def test_a_revoked_key_works_in_no_service(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    key = await keys.make()
    urls = [f"{keyed.url(each)}/metrics" for each in ("gateway", "status", "storage", "render")]

    async def statuses() -> set[int]:
        return {(await http.get(url, headers=bearer(key))).status_code for url in urls}

    await until_true(lambda: _equal(statuses(), {200}))
    revoked = await Keys(http, keyed, admin).ask("DELETE", f"/{key.id}")
    again = await Keys(http, keyed, admin).ask("DELETE", f"/{key.id}")

    assert revoked.json()["revoked_at"]
    assert again.json() == revoked.json()
    await until_true(lambda: _equal(statuses(), {401}))


async def _equal(actual: Any, expected: set[int]) -> bool:
    return bool(await actual == expected)


async def test_lanes_show_the_projects_of_the_key_and_count_the_others(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    own, other = some_project(), some_project()
    lanes = f"{keyed.url('gateway')}/v1/lanes"
    await http.patch(f"{lanes}/portraits", json={"paused": True}, headers=admin)
    try:
        for project in (own, other):
            body = {"kind": "image", "prompt": "x"}
            url = f"{keyed.url('gateway')}/v1/projects/{project}/jobs"
            assert (await http.post(url, json=body, headers=admin)).status_code == 202
        made = await Keys(http, keyed, admin).ask(
            "POST", name="one", scopes=["jobs:read"], projects=[own]
        )

        async def portraits(headers: dict[str, str]) -> dict[str, Any]:
            items = (await http.get(lanes, headers=headers)).json()["items"]
            return next(lane for lane in items if lane["name"] == "portraits")

        async def are_counted() -> bool:
            return len((await portraits(admin))["projects"]) == 2

        await until_true(are_counted)
        seen = await portraits(bearer(made.json()["key"]))
    finally:
        await http.patch(f"{lanes}/portraits", json={"paused": False}, headers=admin)

    assert seen["projects"] == [{"project": own, "waiting": 1}]
    assert seen["waiting_of_others"] == 1
