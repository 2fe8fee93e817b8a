"""The console where it is deployed: under another name of the host, and while a new build replaces it."""

import re

from playwright.sync_api import Browser, Page, Request, expect

from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.stack import Stack

_BOARD = "**/assets/Board-*.js"


def test_a_page_on_localhost_is_live_too(
    browser: Browser, stack: Stack, requests: Requests
) -> None:
    """The index names 127.0.0.1; both are the same deployment."""
    address = stack.url("gateway").replace("127.0.0.1", "localhost")
    with console_page(browser, stack, address=address) as console:
        page = console.open(f"/projects/{requests.project}")
        expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
        requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 0})
        expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()


def test_a_form_outlives_a_restart_of_the_gateway(
    console: ConsolePage, requests: Requests, stack: Stack
) -> None:
    """What was written stays, and sending it makes one job however often it has to be tried."""
    console.forgiving = True
    page = console.open(f"/projects/{requests.project}?new=portrait")
    page.get_by_label("Prompt").fill("a keeper, before and after")
    page.get_by_role("textbox", name="Slot").fill("portrait/keeper")
    expect(page.get_by_role("button", name="Make it · free")).to_be_visible()
    old = stack.pid("gateway")
    assert old
    stack.kill("gateway")
    page.get_by_role("button", name=re.compile("^Make it")).click()
    stack.until_restarted("gateway", old)
    picture = page.get_by_role("img", name="portrait/keeper")
    expect(page.get_by_role("alert").or_(picture).first).to_be_visible()
    if page.get_by_role("dialog").count():  # it was away for longer than the page tries by itself
        expect(page.get_by_role("alert")).to_contain_text("Nothing was sent twice")
        expect(page.get_by_label("Prompt")).to_have_value("a keeper, before and after")
        page.get_by_role("button", name=re.compile("^Make it")).click()
    expect(picture).to_be_visible()
    assert len(stack.ledger(requests.project)) == 1


def test_a_tab_older_than_the_build_is_loaded_anew_once(console: ConsolePage) -> None:
    console.forgiving = True
    page = console.open("/")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    loads = loads_of(page)
    page.route(_BOARD, lambda route: route.continue_() if loads else route.fulfill(status=404))
    page.get_by_role("link", name="Board").click()
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    assert len(loads) == 1


def test_a_build_that_lacks_a_part_is_not_loaded_for_ever(console: ConsolePage) -> None:
    console.forgiving = True
    page = console.open("/")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    loads = loads_of(page)
    page.route(_BOARD, lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="Board").click()
    expect(page.get_by_text("A part of this page is not there")).to_be_visible()
    assert len(loads) == 1


def test_a_part_that_is_asked_for_offline_comes_when_the_network_is_back(
    console: ConsolePage,
) -> None:
    """The page that is there stays: to load it anew would show the browser's own page instead."""
    console.forgiving = True
    page = console.open("/")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    loads = loads_of(page)
    page.context.set_offline(True)
    page.get_by_role("link", name="Board").click()
    expect(page.get_by_text("as soon as the gateway is reached again")).to_be_visible()
    expect(page.get_by_text("You are offline")).to_be_visible()
    assert loads == []
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    expect(page.get_by_text("You are offline")).to_have_count(0)


def loads_of(page: Page) -> list[str]:
    """What the page is loaded from, from now on."""
    loads = list[str]()

    def note(request: Request) -> None:
        if request.is_navigation_request():
            loads.append(request.url)

    page.on("request", note)
    return loads
