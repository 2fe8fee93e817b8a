"""A tab that is reloaded, doubled, left or cut off shows the same as one that was there all the time."""

import json
import re

from playwright.sync_api import Browser, Page, expect

from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.stack import Stack

_LONG = {"seconds": 600, "steps": 900}
_AT_ONCE = {"seconds": 0}


def test_a_render_goes_on_over_a_reload_and_in_a_second_tab(
    console: ConsolePage, requests: Requests
) -> None:
    """The newest picture is everywhere at once: the card, the other tab, the viewer, the table."""
    long = requests.submit("a keeper", slot="portrait/keeper", parameters=_LONG)
    page = console.open(f"/projects/{requests.project}")
    progress = "Progress of portrait/keeper"
    expect(page.get_by_role("progressbar", name=progress)).to_be_visible()
    page.reload()
    expect(page.get_by_role("progressbar", name=progress)).to_be_visible()
    other = console.another_tab()
    viewer = other.open(f"/projects/{requests.project}/slots/portrait/keeper")
    expect(viewer.get_by_role("progressbar", name=progress)).to_be_visible()
    requests.cancel(long)
    requests.submit("a keeper", slot="portrait/keeper", parameters=_AT_ONCE)
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
    jobs = [
        requests.submit(f"number {number}", slot=f"shot/{number}", kind="shot", parameters=_LONG)
        for number in (1, 2)
    ]
    expect(page).to_have_title(f"(2) {requests.project} · Heliograph")
    expect(icon).to_have_attribute("href", re.compile("^data:image/svg"))
    for job in jobs:
        requests.cancel(job)
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
        end_in_sight(page, requests, "seen")
        page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
        end_in_sight(page, requests, "unseen")
        assert page.evaluate("window.told") == ["Canceled: portrait/unseen"]


def end_in_sight(page: Page, requests: Requests, name: str) -> None:
    """A job that ends after the page has heard of it: one that is over by then is no news."""
    job = requests.submit(name, slot=f"portrait/{name}", parameters=_LONG)
    expect(page).to_have_title(f"(1) {requests.project} · Heliograph")
    requests.cancel(job)
    told = page.get_by_role("status").get_by_text(f"Canceled: portrait/{name}")
    expect(told).to_be_visible()


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
