"""A tab that is reloaded, doubled, left or cut off shows the same as one that was there all the time."""

import json
import re

from playwright.sync_api import Browser, expect

from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.stack import Stack

_SLOW = {"seconds": 3, "steps": 30}
_AT_ONCE = {"seconds": 0}


def test_a_render_goes_on_over_a_reload_and_in_a_second_tab(
    console: ConsolePage, requests: Requests
) -> None:
    """The newest picture is everywhere at once: the card, the other tab, the viewer, the table."""
    # two pages are opened and one is read anew while it is made
    requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 10, "steps": 50})
    page = console.open(f"/projects/{requests.project}")
    progress = "Progress of portrait/keeper"
    expect(page.get_by_role("progressbar", name=progress)).to_be_visible()
    page.reload()
    expect(page.get_by_role("progressbar", name=progress)).to_be_visible()
    other = console.another_tab()
    viewer = other.open(f"/projects/{requests.project}/slots/portrait/keeper")
    expect(viewer.get_by_role("progressbar", name=progress)).to_be_visible()
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    expect(viewer.get_by_role("img", name="portrait/keeper, version 1")).to_be_visible()
    viewer.get_by_role("link", name="Jobs").click()
    expect(viewer.get_by_role("row").filter(has_text="Done").locator("img")).to_be_visible()
    assert other.faults == []


def test_the_title_and_the_icon_of_the_tab_show_what_is_being_made(
    console: ConsolePage, requests: Requests
) -> None:
    page = console.open(f"/projects/{requests.project}")
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", "/favicon.svg")
    for number in (1, 2):
        requests.submit(f"number {number}", slot=f"shot/{number}", kind="shot", parameters=_SLOW)
    expect(page).to_have_title(f"(2) {requests.project} · Heliograph")
    expect(icon).to_have_attribute("href", re.compile("^data:image/svg"))
    expect(page).to_have_title(f"{requests.project} · Heliograph")
    expect(icon).to_have_attribute("href", "/favicon.svg")


def test_a_notification_comes_when_somebody_asked_for_it_and_looks_elsewhere(
    browser: Browser, stack: Stack, requests: Requests
) -> None:
    """Chromium draws none without a screen: what the page hands to the system is looked at."""
    with console_page(browser, stack, permissions=["notifications"]) as console:
        page = console.page
        page.add_init_script(
            """
            window.told = [];
            const system = window.Notification;
            window.Notification = class {
              static permission = system.permission;
              static requestPermission = () => system.requestPermission();
              constructor(title, { body }) { window.told.push(body); }
            };
            """
        )
        console.open(f"/projects/{requests.project}")
        page.get_by_role("button", name="Idle").click()
        page.get_by_role("checkbox", name=re.compile("Notify me")).check()
        requests.make("seen", slot="portrait/seen", parameters=_AT_ONCE)
        expect(page.get_by_role("status").get_by_text("Done: portrait/seen")).to_be_visible()
        page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
        requests.make("unseen", slot="portrait/unseen", parameters=_AT_ONCE)
        expect(page.get_by_role("status").get_by_text("Done: portrait/unseen")).to_be_visible()
        assert page.evaluate("window.told") == ["Done: portrait/unseen"]


def test_a_network_that_goes_is_told_at_once_and_nothing_is_missed(
    console: ConsolePage, requests: Requests
) -> None:
    """A browser keeps the open socket, whose frames wait: only its own word says that it is cut off."""
    console.forgiving = True
    page = console.open(f"/projects/{requests.project}/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    page.context.set_offline(True)
    banner = page.get_by_role("status")
    expect(banner.get_by_text("You are offline")).to_be_visible()
    for number in range(3):
        requests.make(f"number {number}", parameters=_AT_ONCE)
    page.context.set_offline(False)
    expect(banner.get_by_text("Caught up")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Done")).to_have_count(3)


def test_who_was_away_is_told_what_happened_meanwhile(
    console: ConsolePage, requests: Requests
) -> None:
    page = console.open(f"/projects/{requests.project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    seen = f"heliograph.seen.{requests.project}"
    hour = "String(Date.now() - 3_600_000)"
    page.goto("about:blank")
    requests.make("one", slot="portrait/one", parameters=_AT_ONCE)
    requests.make("two", slot="portrait/two", parameters={**_AT_ONCE, "fault": "reject"})
    page.add_init_script(
        f"if (!sessionStorage.away) localStorage.setItem({json.dumps(seen)}, {hour});"
        " sessionStorage.away = 1;"
    )
    console.open(f"/projects/{requests.project}")
    digest = page.get_by_role("region", name="While you were away")
    expect(digest).to_contain_text("1 result, 1 failed")
    digest.get_by_role("button", name="Dismiss").click()
    page.reload()
    expect(page.get_by_role("img", name="portrait/one")).to_be_visible()
    expect(digest).to_have_count(0)
