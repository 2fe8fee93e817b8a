"""Who looks at the console signs in; a session that ends takes nothing away that was written."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.support.access import bearer
from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.servers import outside_servers
from tests.support.stack import Stack, stack_running


@pytest.fixture(scope="module")
def first_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "first-key"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, first_key_file: Path) -> Iterator[Stack]:
    """A Heliograph that wants keys."""
    servers, home = tmp_path_factory.mktemp("servers"), tmp_path_factory.mktemp("keyed")
    own = {"HELIOGRAPH_AUTH": "keys", "HELIOGRAPH_FIRST_KEY_FILE": str(first_key_file)}
    with outside_servers(servers) as settings, stack_running(home, {**settings, **own}) as stack:
        yield stack


@pytest.fixture
def key(keyed: Stack, first_key_file: Path) -> str:
    """The first key, which may do everything."""
    return first_key_file.read_text().strip()


@pytest.fixture
def guarded(browser: Browser, keyed: Stack) -> Iterator[ConsolePage]:
    """A tab in which nobody has signed in. It is told so by answers that are no faults here."""
    with console_page(browser, keyed) as console:
        console.forgiving = True
        yield console


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("Access key").fill(key)
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
    answer = httpx.post(f"{keyed.url('gateway')}/v1/keys", json=body, headers=bearer(key))
    page = guarded.open("/board")
    sign_in(page, answer.json()["key"])
    lane = page.get_by_role("region", name="Portraits")
    expect(lane.get_by_text("in use")).to_be_visible()
    expect(lane.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading", name="Provider accounts")).to_have_count(0)
    page.get_by_role("button", name="Signed in: reader").click()
    expect(page.get_by_role("term").filter(has_text="Projects")).to_be_visible()
    expect(page.get_by_text(project, exact=True)).to_be_visible()
