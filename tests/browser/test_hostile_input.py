"""What people write is text wherever it is shown, and a browser that keeps nothing is good enough."""

import re

from playwright.sync_api import expect

from tests.support.console_page import ConsolePage, Requests

_MARKUP = """<img src=x onerror="window.hacked=1"><svg onload='window.hacked=1'>{{7*7}}${7*7}"""
_BLOCKED = """
for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, {
    get() { throw new DOMException("Access is denied for this document.", "SecurityError"); },
  });
"""


def test_markup_in_a_prompt_is_text_in_every_view(console: ConsolePage, requests: Requests) -> None:
    project = requests.project
    at_once = {"seconds": 0}
    requests.make(_MARKUP, slot="portrait/keeper", parameters=at_once, edit_prompt=_MARKUP)
    requests.make(_MARKUP, parameters=at_once)
    refused = requests.submit(_MARKUP, slot="shot/1", parameters={**at_once, "fault": "policy"})
    requests.until_ended(refused)
    page = console.page
    views = (
        f"/projects/{project}",
        f"/projects/{project}/slots/portrait/keeper",
        f"/projects/{project}/slots/shot/1",
        f"/projects/{project}/jobs",
        f"/jobs/{refused}",
        f"/projects/{project}?new=portrait&from={refused}",
    )
    for view in views:
        console.open(view)
        shown = page.get_by_text("<img src=x onerror=").or_(page.get_by_label("Prompt"))
        expect(shown.first).to_be_visible()
        assert page.locator("[onerror], [onload], img[src=x]").count() == 0, view
        assert page.evaluate("window.hacked") is None, view
    console.open(f"/projects/{project}/jobs?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.get_by_role("searchbox")).to_have_value("<img src=x onerror=alert(1)>")
    assert page.locator("img[src=x]").count() == 0


def test_a_browser_that_keeps_nothing_for_us_shows_everything(
    console: ConsolePage, requests: Requests
) -> None:
    """As with all cookies blocked: themes, views and the last visit are of this page only."""
    page = console.page
    page.add_init_script(_BLOCKED)
    console.open(f"/projects/{requests.project}")
    expect(page.get_by_role("heading", name="This project is empty")).to_be_visible()
    requests.submit("a keeper", slot="portrait/keeper", parameters={"seconds": 0})
    expect(page.get_by_role("img", name="portrait/keeper")).to_be_visible()
    page.get_by_role("button", name="Theme: as the system").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("link", name="Jobs").click()
    page.get_by_label("Kind").select_option("portrait")
    page.get_by_role("button", name="Save this view").click()
    page.keyboard.type("portraits")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Board").click()
    page.get_by_role("link", name="Jobs").click()
    page.get_by_role("link", name="portraits").click()
    expect(page).to_have_url(re.compile("kind=portrait"))
