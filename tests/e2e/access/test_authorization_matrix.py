"""
The authorization matrix: every route × every credential, and every cell is asserted.

The table is generated from what the routes declare; a route that declares nothing has no row, and fails.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from heliograph.contracts.access_keys import AccessKey, new_key
from heliograph.contracts.authorization import INTERNAL, SCOPES, RequiredScope
from tests.support.access import KeyMaker, bearer
from tests.support.polling import until_true
from tests.support.route_requests import NOWHERE, Place, furnished_place, request_to
from tests.support.routes import every_route
from tests.support.stack import Stack

ROUTES = every_route()
CHECKED = [r for r in ROUTES if r.requirement and not r.requirement.is_public and not r.is_live]
#: whose names are no secret: what they lead to belongs to no project
SHARED = frozenset({"/v1/lanes", "/v1/lanes/{name}", "/v1/accounts", "/v1/accounts/{name}"}) | {
    "/v1/lanes/{name}/queue",
    "/v1/projects",
    "/v1/models",
    "/v1/models/{provider}/{name}",
    "/v1/kinds",
    "/v1/keys",
    "/v1/keys/me",
    "/v1/session",
    "/v1/keys/{key_id}/rotate",
    "/v1/keys/{key_id}",
    "/metrics",
}


class Credentials:
    """One key of each sort; `own` is the project of those that are for one."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, maker: KeyMaker, own: str) -> None:
        self._stack = stack
        self._http = http
        self._maker = maker
        self._own = own
        self._known: dict[str, AccessKey] = {}

    async def refused(self) -> dict[str, dict[str, str]]:
        """Headers without a valid key."""
        malformed = new_key().text[:-1] + "!"
        return {
            "no key": {},
            "no bearer": {"Authorization": "Basic aGc6aGc="},
            "malformed": bearer(malformed),
            "unknown": bearer(new_key()),
            "expired": bearer(await self._maker.make(is_expired=True)),
            "revoked": bearer(await self._maker.make(is_revoked=True)),
        }

    async def small(self, scope: RequiredScope) -> dict[str, str]:
        """A key of the project with every scope that does not include this one."""
        others = [s for s in SCOPES if s not in (scope, "admin")]
        return await self._key(f"not {scope}", others)

    async def right(self, scope: RequiredScope | None) -> dict[str, str]:
        """A key of the project with this scope only."""
        return await self._key(f"{scope}", [scope or "usage:read"])

    async def _key(self, name: str, scopes: Sequence[RequiredScope]) -> dict[str, str]:
        if name not in self._known:
            key = self._known[name] = await self._maker.make(scopes, [self._own])
            await until_true(lambda: self._is_known(bearer(key)))
        return bearer(self._known[name])

    async def _is_known(self, headers: dict[str, str]) -> bool:
        """Whether every service knows a key that was made a moment ago."""
        urls = [f"{self._stack.url(each)}/metrics" for each in {route.service for route in ROUTES}]
        responses = await asyncio.gather(*(self._http.get(url, headers=headers) for url in urls))
        return all(response.status_code != 401 for response in responses)


@pytest.fixture
async def own(keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]) -> Place:
    return await furnished_place(keyed, http, admin)


@pytest.fixture
async def foreign(keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]) -> Place:
    return await furnished_place(keyed, http, admin)


async def _status_and_problem(
    http: httpx.AsyncClient, request: httpx.Request, headers: dict[str, str]
) -> tuple[int, Any]:
    sent = httpx.Request(
        request.method, request.url, content=request.content, headers={**request.headers, **headers}
    )
    response = await http.send(sent, stream=True)
    try:
        is_problem = "problem" in response.headers.get("content-type", "")
        return response.status_code, (
            await response.aread() and response.json()
        ) if is_problem else None
    finally:
        await response.aclose()


def _without(problem: Any, place: Place) -> Any:
    """A problem without the names that the request had."""
    text = str(problem)
    for name in sorted({place.project, place.job, place.batch, place.job[4:]}, key=len)[::-1]:
        text = text.replace(name, "…")
    return text


def test_every_route_has_a_row() -> None:
    silent = [str(route) for route in ROUTES if route.requirement is None]

    assert silent == []


def test_every_route_is_bound_to_a_project_or_shared() -> None:
    bound = ("{project}", "{job}", "{batch}", "{asset}")
    loose = [
        str(route)
        for route in CHECKED
        if not any(name in route.path for name in bound)
        and route.path not in SHARED
        and not (route.requirement and route.requirement.names_jobs)
    ]

    assert loose == []


async def test_without_a_valid_key_every_route_answers_the_same(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, own: Place
) -> None:
    for name, headers in (await Credentials(keyed, http, keys, own.project).refused()).items():
        for route in CHECKED:
            status, problem = await _status_and_problem(
                http, request_to(keyed, route, own), headers
            )
            said = {**(problem or {}), "instance": None}

            assert (status, said.get("code")) == (401, "unauthenticated"), f"{name}: {route}"
            assert said == {**said, "detail": said["title"]}, f"{name}: {route}"


async def test_a_key_without_the_scope_is_told_which_one(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, own: Place
) -> None:
    credentials = Credentials(keyed, http, keys, own.project)
    for route in CHECKED:
        assert route.requirement
        if (scope := route.requirement.scope) is None:
            continue
        headers = await credentials.small(scope)
        status, problem = await _status_and_problem(http, request_to(keyed, route, own), headers)

        assert (status, problem["code"]) == (403, "insufficient_scope"), route
        assert scope in problem["detail"], route


async def test_with_the_scope_every_route_of_its_project_goes_on(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, own: Place
) -> None:
    credentials = Credentials(keyed, http, keys, own.project)
    for route in CHECKED:
        assert route.requirement
        headers = await credentials.right(route.requirement.scope)
        status, problem = await _status_and_problem(http, request_to(keyed, route, own), headers)

        assert status not in (401, 403, 503), f"{route}: {problem}"
        assert status != 404 or "{key_id}" in route.path, f"{route}: {problem}"


async def test_what_is_of_another_project_is_as_what_is_not_there(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, own: Place, foreign: Place
) -> None:
    credentials = Credentials(keyed, http, keys, own.project)
    for route in CHECKED:
        assert route.requirement
        if route.path in SHARED:
            continue
        headers = await credentials.right(route.requirement.scope)
        theirs = await _status_and_problem(http, request_to(keyed, route, foreign), headers)
        nothing = await _status_and_problem(http, request_to(keyed, route, NOWHERE), headers)

        assert theirs[0] == nothing[0] == 404, route
        assert _without(theirs[1], foreign) == _without(nothing[1], NOWHERE), route


async def test_public_routes_need_no_key(keyed: Stack, http: httpx.AsyncClient, own: Place) -> None:
    public = [r for r in ROUTES if r.requirement and r.requirement.is_public]
    paths = {r: r.path for r in public if "{" not in r.path and r.method == "GET"}
    responses = await asyncio.gather(
        *(http.get(f"{keyed.url(route.service)}{path}") for route, path in paths.items())
    )

    assert {response.status_code for response in responses} == {200, 302}


def test_the_scopes_that_routes_need_can_be_had() -> None:
    needed = {route.requirement.scope for route in CHECKED if route.requirement}

    assert needed <= {*SCOPES, INTERNAL, None}
