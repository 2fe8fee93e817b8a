"""Texts as people write them: long ones, from right to left, and names that no line has room for."""

import re

import pytest
from playwright.sync_api import Browser, Locator, ViewportSize, expect

from tests.support.console_page import ConsolePage, Requests, console_page
from tests.support.stack import Stack

_LONG = "the keeper of the light " * 60
_ARABIC = "حارس المنارة ينظر إلى البحر في الليل " * 6
_SMALL: ViewportSize = {"width": 360, "height": 740}


def _height(element: Locator) -> float:
    """In pixels."""
    box = element.bounding_box()
    assert box
    return box["height"]


def test_a_long_prompt_is_folded_until_somebody_asks_for_all_of_it(
    console: ConsolePage, requests: Requests
) -> None:
    job = requests.submit(_LONG, parameters={"seconds": 0})
    requests.until_ended(job)
    page = console.open(f"/jobs/{job}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    console.until_loaded()  # letters have the size of their font from then on
    title = _height(page.get_by_role("heading", level=1))
    aside = page.get_by_role("complementary")
    prompt = aside.get_by_text("the keeper of the light")
    folded = _height(prompt)
    aside.get_by_role("button", name="Show all of it").click()
    assert title < 130
    assert folded < 260 < _height(prompt)
    aside.get_by_role("button", name="Show less").click()
    assert _height(prompt) == folded
    assert console.severe_barriers() == []


def test_lines_of_a_prompt_stay_lines(console: ConsolePage, requests: Requests) -> None:
    job = requests.submit("a lamp\na storm\n\na boat", parameters={"seconds": 0})
    page = console.open(f"/jobs/{job}")
    prompt = page.get_by_role("complementary").get_by_text("a lamp")
    assert prompt.inner_text() == "a lamp\na storm\n\na boat"


@pytest.mark.parametrize(("prompt", "direction"), [(_ARABIC, "rtl"), (_LONG, "ltr")])
def test_the_beginning_of_a_prompt_is_seen_in_whichever_direction_it_is_written(
    prompt: str, direction: str, console: ConsolePage, requests: Requests
) -> None:
    """What has no room is cut at the end of the text, which is on the left of an Arabic one."""
    job = requests.submit(prompt, parameters={"seconds": 0})
    requests.until_ended(job)
    page = console.open(f"/projects/{requests.project}/jobs")
    link = page.get_by_label("Rows").get_by_role("link")
    expect(link).to_have_css("direction", direction)
    page = console.open(f"/projects/{requests.project}")
    expect(page.locator("main").get_by_text(prompt.strip())).to_have_css("direction", direction)
    page = console.open(f"/jobs/{job}")
    expect(page.get_by_role("heading", level=1)).to_have_css("direction", direction)


def test_a_long_name_of_a_project_leaves_the_way_home_its_size(
    browser: Browser, stack: Stack, project: str
) -> None:
    name = f"{project}-{'a-name-that-a-program-makes-' * 2}"[:64].rstrip("-")
    Requests(stack.url("gateway"), name).submit("a lamp", parameters={"seconds": 0})
    with console_page(browser, stack, viewport=_SMALL) as console:
        page = console.open(f"/projects/{name}/jobs")
        expect(page.get_by_role("row").first).to_be_visible()
        assert (
            _height(page.get_by_role("link", name="Heliograph, all projects").locator("img")) == 26
        )
        assert _height(page.get_by_text("As an API call")) < 40


def test_what_a_provider_says_of_its_work_is_shown_once(
    console: ConsolePage, requests: Requests
) -> None:
    """The text of the job's last event is older than the provider's last line."""
    job = requests.submit("slow", parameters={"seconds": 60, "steps": 400})
    page = console.open(f"/jobs/{job}")
    said = page.get_by_text(re.compile(r"^step \d+ of 400$"))
    expect(page.get_by_label("Progress", exact=True).filter(has=said)).to_be_visible()
    expect(said).to_have_count(1)
