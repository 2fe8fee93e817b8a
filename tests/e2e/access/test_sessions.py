"""A browser signs in with a key, once, and is known by a cookie until it signs out or the key is revoked."""

import asyncio
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from heliograph.contracts.access_keys import AccessKey, new_key
from tests.e2e.access.test_live_access import closed, known, live, send, subscribed, ticket
from tests.support.access import KeyMaker, bearer
from tests.support.polling import until_true
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

APP = "https://app.example"  #: a page that may use the API, with keys of its own
#: what browsers send along for pages that are not ours
FOREIGN = {
    "a link on another site": {"Sec-Fetch-Site": "cross-site"},
    "a page of an app": {"Sec-Fetch-Site": "same-site", "Origin": APP},
    "a page of an app in an old browser": {"Origin": APP},
}


def session_of(stack: Stack) -> str:
    return f"{stack.url('gateway')}/v1/session"


async def sign_in(
    http: httpx.AsyncClient, stack: Stack, key: AccessKey | str, **headers: str
) -> httpx.Response:
    body = {"key": key if isinstance(key, str) else key.text}
    return await http.post(session_of(stack), json=body, headers=headers)


def cookie_of(response: httpx.Response) -> dict[str, str]:
    """The header that a browser sends from then on."""
    assert response.status_code == 201, response.text
    [(name, morsel)] = SimpleCookie(response.headers["set-cookie"]).items()
    return {"Cookie": f"{name}={morsel.value}"}


@pytest.fixture
async def http() -> Any:
    """Without a cookie jar: each request says by itself which cookie it sends."""
    async with httpx.AsyncClient(timeout=TIMEOUT, cookies=_NoCookies()) as http:
        yield http


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        pass


async def key_for(
    stack: Stack, http: httpx.AsyncClient, keys: KeyMaker, *scopes: Any, project: str
) -> AccessKey:
    return await known(stack, http, await keys.make(scopes, [project]))


async def is_signed_in(
    http: httpx.AsyncClient, stack: Stack, service: str, cookie: dict[str, str]
) -> bool:
    """Whether a service knows the session; a figure that needs another scope tells."""
    response = await http.get(f"{stack.url(service)}/metrics", headers=cookie)
    assert response.status_code in (200, 401, 403), response.text
    return response.status_code != 401


async def until_signed_in(
    http: httpx.AsyncClient, stack: Stack, cookie: dict[str, str], *, expected: bool
) -> None:
    services = ("gateway", "status", "storage", "render")

    async def is_so() -> bool:
        signed_in = [await is_signed_in(http, stack, service, cookie) for service in services]
        return signed_in == [expected] * len(services)

    async with asyncio.timeout(TIMEOUT):  # five seconds, and what a busy machine needs
        await until_true(is_so)


async def test_whoever_signs_in_may_do_what_its_key_may(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)

    response = await sign_in(http, keyed, key)
    cookie, jobs = cookie_of(response), f"{keyed.url('gateway')}/v1/projects/{project}/jobs"
    listed = await http.get(jobs, headers=cookie)
    submitted = await http.post(jobs, json={}, headers=cookie)
    shown = await http.get(session_of(keyed), headers=cookie)

    assert listed.status_code == 200
    assert submitted.json()["code"] == "insufficient_scope"
    assert shown.json() == response.json()
    assert {name: shown.json()[name] for name in ("by", "key", "name", "scopes", "projects")} == {
        "by": "key",
        "key": key.id,
        "name": "test",
        "scopes": ["jobs:read"],
        "projects": [project],
    }
    assert key.text not in response.text


async def test_every_service_knows_the_session_and_forgets_it_when_it_ends(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)

    signed_out = await http.delete(session_of(keyed), headers=cookie)

    assert signed_out.status_code == 204
    assert "Max-Age=0" in signed_out.headers["set-cookie"]
    assert (await http.get(session_of(keyed), headers=cookie)).status_code == 401
    await until_signed_in(http, keyed, cookie, expected=False)


async def test_a_revoked_key_ends_its_sessions(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)

    await http.delete(f"{keyed.url('gateway')}/v1/keys/{key.id}", headers=admin)

    await until_signed_in(http, keyed, cookie, expected=False)
    assert (await sign_in(http, keyed, key)).status_code == 401


async def test_a_rotated_key_ends_what_its_old_secret_began(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)
    text = await ticket(http, keyed, project, cookie)

    async with live(keyed) as by_ticket, live(keyed, bearer(key)) as by_key:
        await send(by_ticket, op="auth", ticket=text)
        for socket in (by_ticket, by_key):
            assert (await subscribed(socket, project))["op"] == "subscribed"
        rotate = f"{keyed.url('gateway')}/v1/keys/{key.id}/rotate"
        rotated = await http.post(rotate, json={"overlap_hours": 0}, headers=admin)
        closes = [await closed(by_ticket), await closed(by_key)]

    await until_signed_in(http, keyed, cookie, expected=False)
    again = await sign_in(http, keyed, rotated.json()["key"])
    assert closes == [4401, 4401]
    await until_signed_in(http, keyed, cookie_of(again), expected=True)


async def test_a_session_goes_on_while_its_secret_works(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, admin: dict[str, str]
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    before = (await http.get(session_of(keyed), headers=cookie)).json()

    rotate = f"{keyed.url('gateway')}/v1/keys/{key.id}/rotate"
    rotated = await http.post(rotate, json={"overlap_hours": 1}, headers=admin)
    after = (await http.get(session_of(keyed), headers=cookie)).json()

    assert after["expires_at"] == rotated.json()["rotated_until"] < before["expires_at"]


async def test_a_key_that_is_made_in_a_session_outlives_it(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", "keys:write", project=project)
    session = await sign_in(http, keyed, key)
    own = await http.get(f"{keyed.url('gateway')}/v1/keys/me", headers=bearer(key))

    made = await http.post(
        f"{keyed.url('gateway')}/v1/keys",
        json={"name": "child", "scopes": ["jobs:read"]},
        headers=cookie_of(session),
    )

    assert made.status_code == 201, made.text
    assert made.json()["created_by"] == key.id
    assert made.json()["expires_at"] == own.json()["expires_at"] > session.json()["expires_at"]


async def test_signing_out_closes_live_connections(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)
    text = await ticket(http, keyed, project, cookie)

    async with live(keyed) as socket:
        await send(socket, op="auth", ticket=text)
        assert (await subscribed(socket, project))["op"] == "subscribed"
        await http.delete(session_of(keyed), headers=cookie)

        assert await closed(socket) == 4401


async def test_a_cookie_opens_no_websocket(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)

    async with live(keyed, cookie, origin=keyed.url("gateway")) as socket:
        assert await closed(socket) == 4401


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_own_pages_follow_events_by_a_cookie_until_it_ends_and_no_others_do(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, project: str, headers: dict[str, str]
) -> None:
    key = await key_for(keyed, http, keys, "jobs:read", project=project)
    cookie = cookie_of(await sign_in(http, keyed, key))
    await until_signed_in(http, keyed, cookie, expected=True)
    stream = f"{keyed.url('status')}/v1/events?project={project}"
    own = {**cookie, "Sec-Fetch-Site": "same-site", "Origin": keyed.url("gateway")}

    foreign = await http.get(stream, headers={**cookie, **headers})
    async with http.stream("GET", stream, headers=own) as response, asyncio.timeout(TIMEOUT):
        lines = response.aiter_lines()
        first = await anext(lines)
        await http.delete(session_of(keyed), headers=cookie)
        [_ async for _ in lines]

    assert foreign.status_code == 401
    assert first == "event: subscribed"
    assert response.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("sort", ["malformed", "unknown", "expired", "revoked"])
async def test_a_key_that_does_not_work_signs_nobody_in(
    keyed: Stack, keys: KeyMaker, http: httpx.AsyncClient, sort: str
) -> None:
    texts = {
        "malformed": "hg_live_x",
        "unknown": new_key().text,
        "expired": (await keys.make(is_expired=True)).text,
        "revoked": (await keys.make(is_revoked=True)).text,
    }

    response = await sign_in(http, keyed, texts[sort])

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.json()["detail"] == response.json()["title"]
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_only_own_pages_sign_in_ask_and_sign_out(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str], headers: dict[str, str]
) -> None:
    text = admin["Authorization"].removeprefix("Bearer ")
    cookie = cookie_of(await sign_in(http, keyed, text))

    signed_in = await sign_in(http, keyed, text, **headers)
    asked = await http.get(session_of(keyed), headers={**cookie, **headers})
    signed_out = await http.delete(session_of(keyed), headers={**cookie, **headers})

    assert (signed_in.status_code, asked.status_code, signed_out.status_code) == (403, 401, 403)
    assert (await http.get(session_of(keyed), headers=cookie)).status_code == 200


async def test_the_console_may_send_its_cookie_to_storage(
    keyed: Stack, http: httpx.AsyncClient
) -> None:
    preflight = {"Access-Control-Request-Method": "PUT"}
    path = f"{keyed.url('storage')}/v1/projects/demo/uploads/sha256/{'0' * 64}"

    own = await http.options(path, headers={**preflight, "Origin": keyed.url("gateway")})
    app = await http.options(path, headers={**preflight, "Origin": APP})

    assert own.headers["access-control-allow-credentials"] == "true"
    assert app.headers["access-control-allow-origin"] == APP
    assert "access-control-allow-credentials" not in app.headers


async def test_a_header_counts_whatever_cookie_comes_along(
    keyed: Stack, http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    text = admin["Authorization"].removeprefix("Bearer ")
    cookie = cookie_of(await sign_in(http, keyed, text))

    response = await http.get(session_of(keyed), headers={**cookie, **bearer(new_key())})

    assert response.status_code == 401
