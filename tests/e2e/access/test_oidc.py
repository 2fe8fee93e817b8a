"""People sign in at an identity provider, a process of its own, and may do what the settings grant them."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.identity_provider import IdentityProviderProcess
from tests.support.stack import Stack

PROJECT = "atelier"  #: of the group `artists`, see the settings of the stack


@pytest.fixture
def people(provider_process: IdentityProviderProcess) -> IdentityProviderProcess:
    provider_process.add("ada", name="Ada", groups=["artists"])
    provider_process.add("eve", name="Eve", groups=["visitors"])
    return provider_process


class Browser:
    """Follows redirects by hand, and keeps cookies as browsers do."""

    def __init__(self, http: httpx.AsyncClient, stack: Stack) -> None:
        self._http = http
        self.gateway = stack.url("gateway")
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await self._http.get(url, headers={"Cookie": cookie})
        for text in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(text).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return response

    async def begin(self, return_to: str = "/projects/atelier") -> str:
        """Where the provider asks for a name."""
        response = await self.get(f"{self.gateway}/v1/session/oidc?return_to={return_to}")
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def choose(self, place: str, person: str, action: str = "authorize") -> str:
        """The way back from the provider."""
        response = await self._http.post(place, data={"sub": person, "action": action})
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def sign_in(self, person: str) -> httpx.Response:
        return await self.get(await self.choose(await self.begin(), person))


@pytest.fixture
def browser(keyed: Stack, http: httpx.AsyncClient) -> Browser:
    return Browser(http, keyed)


async def test_a_person_signs_in_and_may_do_what_its_group_may(
    browser: Browser, people: IdentityProviderProcess
) -> None:
    back = await browser.sign_in("ada")
    session = (await browser.get(f"{browser.gateway}/v1/session")).json()
    own = await browser.get(f"{browser.gateway}/v1/projects/{PROJECT}/jobs")
    other = await browser.get(f"{browser.gateway}/v1/projects/other/jobs")
    keys = await browser.get(f"{browser.gateway}/v1/keys")

    assert (back.status_code, back.headers["location"]) == (302, "/projects/atelier")
    assert {name: session[name] for name in ("by", "name", "key", "scopes", "projects")} == {
        "by": "oidc",
        "name": "Ada",
        "key": None,
        "scopes": ["jobs:read", "jobs:write"],
        "projects": [PROJECT],
    }
    assert (own.status_code, other.status_code) == (200, 404)
    assert keys.json()["code"] == "insufficient_scope"


async def test_the_provider_is_asked_with_a_nonce_and_a_challenge(
    browser: Browser, people: IdentityProviderProcess
) -> None:
    place = await browser.begin()
    [kept] = [value for name, value in browser.cookies.items() if name.endswith("-oidc")]
    attempt = json.loads(base64.urlsafe_b64decode(kept))
    asked = {name: value for name, [value] in parse_qs(urlsplit(place).query).items()}

    digest = hashlib.sha256(attempt["verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert asked["code_challenge_method"] == "S256"
    assert (asked["nonce"], asked["state"]) == (attempt["nonce"], attempt["state"])
    assert asked["redirect_uri"] == f"{browser.gateway}/v1/session/oidc/callback"
    assert attempt["verifier"] not in place


async def test_whom_nothing_is_granted_gets_no_session(
    browser: Browser, people: IdentityProviderProcess
) -> None:
    back = await browser.sign_in("eve")

    assert back.headers["location"] == "/sign-in?failed=not_allowed"
    assert (await browser.get(f"{browser.gateway}/v1/session")).status_code == 401


async def test_whoever_says_no_at_the_provider_is_not_signed_in(
    browser: Browser, people: IdentityProviderProcess
) -> None:
    back = await browser.get(await browser.choose(await browser.begin(), "ada", "deny"))

    assert back.headers["location"] == "/sign-in?failed=denied"


async def test_a_code_works_once(browser: Browser, people: IdentityProviderProcess) -> None:
    callback = await browser.choose(await browser.begin(), "ada")
    attempt = dict(browser.cookies)
    await browser.get(callback)
    browser.cookies = attempt

    again = await browser.get(callback)

    assert again.headers["location"] == "/sign-in?failed=denied"


async def test_a_code_of_another_browser_signs_nobody_in(
    browser: Browser, keyed: Stack, http: httpx.AsyncClient, people: IdentityProviderProcess
) -> None:
    callback = await browser.choose(await browser.begin(), "ada")
    victim, stranger = Browser(http, keyed), Browser(http, keyed)
    await victim.begin()

    responses = [await victim.get(callback), await stranger.get(callback)]

    assert [each.headers["location"] for each in responses] == 2 * ["/sign-in?failed=expired"]
    assert not any("heliograph" in name and "oidc" not in name for name in victim.cookies)


async def test_the_way_back_leads_to_a_page_of_ours(
    browser: Browser, people: IdentityProviderProcess
) -> None:
    place = await browser.begin("https://evil.example/")
    back = await browser.get(await browser.choose(place, "ada"))

    assert back.headers["location"] == "/"


async def test_the_index_says_that_one_can_sign_in_there(browser: Browser) -> None:
    index = (await browser.get(f"{browser.gateway}/v1")).json()

    assert index["sign_in"] == ["key", "oidc"]
    assert index["links"]["oidc"] == f"{browser.gateway}/v1/session/oidc"


async def test_a_key_that_a_person_makes_says_who_it_was_and_ends_in_a_year(
    browser: Browser, http: httpx.AsyncClient, provider_process: IdentityProviderProcess
) -> None:
    provider_process.add("grace", name="Grace", groups=["admins"])
    await browser.sign_in("grace")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    made = await http.post(
        f"{browser.gateway}/v1/keys",
        json={"name": "child", "scopes": ["jobs:read"], "expires_in_days": None},
        headers={"Cookie": cookie},
    )

    assert made.status_code == 201, made.text
    key = made.json()
    life = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    assert (key["created_by"], life) == ("person:grace", timedelta(days=365))
