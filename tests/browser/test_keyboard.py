"""Whole flows without a mouse: the focus is where the next key is wanted, and comes back."""

import re

from playwright.sync_api import Page, expect

from tests.support.console_page import ConsolePage, Requests

_TABS = 60  #: keys until something must have been reached


def tab_to(page: Page, role: str, name: str | re.Pattern[str]) -> None:
    """Press Tab until an element has the focus, as somebody would who cannot see."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]  # a role is a literal
    expect(wanted).to_be_visible()
    for _ in range(_TABS):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{role} {name} cannot be reached")


def test_a_pair_is_made_and_compared(console: ConsolePage, project: str) -> None:
    page = console.open(f"/projects/{project}")
    tab_to(page, "button", "Make a pair of references")
    page.keyboard.press("Enter")
    tab_to(page, "textbox", re.compile("^Person"))
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type("alice, front view")
    tab_to(page, "button", re.compile("^Make A and B"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for half in ("A", "B"):
        expect(page.get_by_role("img", name=f"alice, reference {half}")).to_be_visible()
    tab_to(page, "link", "Compare and render")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Compare A and B")).to_be_visible()
    page.keyboard.press("c")
    tab_to(page, "slider", re.compile("^Where A ends"))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("slider")).to_have_value("53")


def test_a_dialog_gives_the_focus_back(console: ConsolePage, project: str) -> None:
    page = console.open(f"/projects/{project}")
    tab_to(page, "button", "Make a portrait")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Make a portrait")).to_be_focused()


def test_failed_jobs_are_selected_and_tried_again(console: ConsolePage, requests: Requests) -> None:
    for number in range(2):
        requests.make(f"number {number}", parameters={"seconds": 0, "fault": "reject"})
    page = console.open(f"/projects/{requests.project}/jobs?status=failed")
    tab_to(page, "checkbox", "Select number 1")
    page.keyboard.press("Space")
    tab_to(page, "checkbox", "Select number 0")
    page.keyboard.press("Space")
    expect(page.get_by_text("2 jobs selected")).to_be_visible()
    tab_to(page, "button", "Try again…")
    page.keyboard.press("Enter")
    tab_to(page, "button", re.compile("^Try again 2"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Try again: 2 jobs")).to_be_visible()


def test_the_first_tab_leads_past_the_header(console: ConsolePage) -> None:
    page = console.open("/board")
    expect(page.get_by_role("button", name="Pause text")).to_be_visible()
    page.locator("body").press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.querySelector('main').contains(document.activeElement)")
    assert focused
