"""Who looks at the console signs in; a session that ends takes nothing away that was written."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.support.access import bearer
from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.identity_provider import IdentityProviderProcess, identity_provider
from tests.support.servers import outside_servers
from tests.support.stack import Stack, stack_running

ATELIER = "atelier"  #: the project of the artists
_MAY = ["jobs:read", "jobs:write", "assets:read"]


@pytest.fixture(scope="module")
def first_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "first-key"


@pytest.fixture(scope="module")
def people() -> Iterator[IdentityProviderProcess]:
    """The identity provider of an organisation."""
    with identity_provider() as provider:
        provider.add("ada", name="Ada", groups=["artists"])
        yield provider


@pytest.fixture(scope="module")
def keyed(
    tmp_path_factory: pytest.TempPathFactory, first_key_file: Path, people: IdentityProviderProcess
) -> Iterator[Stack]:
    """A Heliograph that wants keys, or somebody whom the organisation knows."""
    servers, home = tmp_path_factory.mktemp("servers"), tmp_path_factory.mktemp("keyed")
    own = {
        "HELIOGRAPH_AUTH": "keys",
        "HELIOGRAPH_FIRST_KEY_FILE": str(first_key_file),
        "HELIOGRAPH_OIDC_ISSUER": people.issuer,
        "HELIOGRAPH_OIDC_CLIENT_ID": "heliograph",
        "HELIOGRAPH_OIDC_CLIENT_SECRET": "canary-of-a-client-secret",
        "HELIOGRAPH_OIDC_GRANTS": json.dumps({"artists": {"scopes": _MAY, "projects": [ATELIER]}}),
    }
    with (
        outside_servers(servers) as settings,
        stack_running(home, {**settings, **own}, preloaded=True) as stack,
    ):
        yield stack


@pytest.fixture
def key(keyed: Stack, first_key_file: Path) -> str:
    """The first key, which may do everything."""
    return first_key_file.read_text().strip()


@pytest.fixture
def guarded(
    browser: Browser, keyed: Stack, people: IdentityProviderProcess
) -> Iterator[ConsolePage]:
    """A tab in which nobody has signed in. It is told so by responses that are no faults here."""
    with console_page(browser, keyed) as console:
        console.forgiving = True
        console.elsewhere = people.issuer
        console.page.route(re.compile(r"^https:"), lambda route: route.abort())  # its page's styles
        yield console


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_nobody_signs_in_where_no_keys_are_wanted(console: ConsolePage) -> None:
    page = console.open("/sign-in")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("button", name=re.compile("Signed in"))).to_have_count(0)


def test_a_key_opens_the_page_that_was_asked_for_and_is_kept_nowhere(
    guarded: ConsolePage, keyed: Stack, key: str, project: str
) -> None:
    """By keyboard; afterwards the page is live, and a reload asks for nothing."""
    page = guarded.open(f"/projects/{project}?q=portrait")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert guarded.severe_barriers() == []
    page.keyboard.type("hg_live_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not work")
    sign_in(page, key)
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/projects/{project}\?q=portrait$"))
    parameters = {"seconds": 0}
    Requests(keyed.url("gateway"), project, key).submit(
        "a keeper", slot="portrait/keeper", parameters=parameters
    )
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert key not in kept + page.content() + page.url
    page.reload()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_a_session_that_ends_asks_again_and_keeps_what_was_written(
    guarded: ConsolePage, key: str, project: str, tmp_path: Path
) -> None:
    """It ends elsewhere: the page notices by itself, and goes on from the same form."""
    picture = tmp_path / "reference.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    page = guarded.open(f"/projects/{project}?new=portrait")
    sign_in(page, key)
    page.get_by_label("Prompt").fill("the keeper, once more")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    page.get_by_label("Model").select_option(label="Sim edit")
    page.get_by_label("choose files").set_input_files(picture)
    expect(page.get_by_role("button", name="Remove reference.png")).to_be_visible()
    expect(page.get_by_role("progressbar", name=re.compile("^Upload"))).to_have_count(0)
    page.evaluate("fetch('/v1/session', {method: 'DELETE'})")
    ended = page.get_by_role("dialog", name="Your session has ended")
    expect(ended).to_be_visible()
    page.keyboard.press("Escape")
    expect(ended).to_be_visible()
    sign_in(page, key)
    expect(ended).to_have_count(0)
    expect(page.get_by_label("Prompt")).to_have_value("the keeper, once more")
    page.get_by_role("button", name=re.compile("Make it")).click()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_where_no_websocket_passes_a_page_is_live_by_its_cookie(
    guarded: ConsolePage, keyed: Stack, key: str, project: str
) -> None:
    """By event streams, and no key or token is in their address."""
    page = guarded.page
    page.route_web_socket(re.compile("/v1/live$"), lambda socket: socket.close(code=1011))
    guarded.open(f"/projects/{project}")
    with page.expect_response(re.compile("/v1/events")) as stream:
        sign_in(page, key)
    assert stream.value.ok
    assert stream.value.url.split("?")[1] == f"project={project}&budget=true"
    Requests(keyed.url("gateway"), project, key).submit(
        "a keeper", slot="portrait/keeper", parameters={"seconds": 0}
    )
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    expect(page.get_by_text("No live connection can be made")).to_have_count(0)


def test_signing_out_leaves_nothing_behind(guarded: ConsolePage, key: str, project: str) -> None:
    page = guarded.open(f"/projects/{project}")
    sign_in(page, key)
    page.get_by_role("button", name=re.compile("^Signed in")).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []
    assert project not in page.evaluate("JSON.stringify({...localStorage})") + page.url
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_page_offers_only_what_its_key_allows(
    guarded: ConsolePage, keyed: Stack, key: str, project: str
) -> None:
    """A key of one project that may read: no caps to change, no accounts, no other projects."""
    body = {"name": "reader", "scopes": ["jobs:read", "assets:read"], "projects": [project]}
    response = httpx.post(f"{keyed.url('gateway')}/v1/keys", json=body, headers=bearer(key))
    page = guarded.open("/board")
    sign_in(page, response.json()["key"])
    lane = page.get_by_role("region", name="Portraits")
    expect(lane.get_by_text("in use")).to_be_visible()
    expect(lane.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading", name="Provider accounts")).to_have_count(0)
    page.get_by_role("button", name="Signed in: reader").click()
    expect(page.get_by_role("term").filter(has_text="Projects")).to_be_visible()
    expect(page.get_by_text(project, exact=True)).to_be_visible()


def test_the_organisation_signs_people_in_and_they_are_where_they_wanted_to_be(
    guarded: ConsolePage,
) -> None:
    page = guarded.open(f"/projects/{ATELIER}/jobs?status=failed")
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.get_by_placeholder("sub").fill("ada")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="No job is like that")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/projects/{ATELIER}/jobs\?status=failed$"))
    page.get_by_role("button", name="Signed in: Ada").click()
    expect(page.get_by_text(ATELIER, exact=True).last).to_be_visible()


def test_somebody_whom_the_organisation_refuses_may_use_a_key_and_is_at_the_same_place(
    guarded: ConsolePage, key: str
) -> None:
    page = guarded.open(f"/projects/{ATELIER}/jobs")
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    sign_in(page, key)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/projects/{ATELIER}/jobs$"))
