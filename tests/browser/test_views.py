"""Everybody can use every view: axe finds nothing serious, and nothing is wider than a phone."""

import io
import os
import re
from typing import Any, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deploy.local.processes import ROOT
from tests.browser.seeds import seed
from tests.support.console_page import PHONE, WIDE, Requests, console_page
from tests.support.stack import Stack

_SIZES = {"": WIDE, "-phone": PHONE}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: each view, its address and the heading by which a test knows that it is there
_VIEWS = {
    "projects": ("/", "Projects"),
    "empty": ("/projects/nothing-yet", "This project is empty"),
    "studio": ("/projects/{project}", "lighthouse"),
    "request": ("/projects/{project}?new=portrait", "Make something"),
    "slot": ("/projects/{project}/slots/portrait/keeper", "portrait/keeper"),
    "compare": ("/projects/{project}/slots/portrait/keeper?version=3&against=2", "portrait/keeper"),
    "failure": ("/projects/{project}/slots/shot/6", "shot/6"),
    "story": ("/projects/{project}/slots/story/one", "story/one"),
    "cast": ("/projects/{project}/cast/alice", "alice"),
    "jobs": ("/projects/{project}/jobs", "Jobs"),
    "job": ("/jobs/{job}", "shot/7"),
    "usage": ("/projects/{project}/usage", "Usage"),
    "failures": ("/projects/{project}/failures", "Look at every failure"),
    "board": ("/board", "Board"),
}
_LOOKS = 20  #: at a page, which may be loading while a picture of it is made
#: what people use and what tells a state, where it is on the screen
_CONTROLS = """
[...document.querySelectorAll("main :is(a[href], button, select, input, .tag, [role=progressbar]), header a")]
  .map((element) => ({ element, box: element.getBoundingClientRect() }))
  .filter(({ element, box }) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)) &&
    box.x >= 0 && box.right <= innerWidth && box.y >= 0 && box.bottom <= innerHeight)
  .map(({ element, box }) => ({
    name: element.outerHTML.slice(0, 200),
    box: [box.x, box.y, box.width, box.height],
    chosen: element.matches("[aria-pressed=true], [aria-current]"),
    progress: element.ariaValueNow === null ? null : Number(element.ariaValueNow),
  }))
"""
#: `HELIOGRAPH_TEST_PICTURES=docs/images` keeps the pictures
_PICTURES = os.environ.get("HELIOGRAPH_TEST_PICTURES")


@pytest.fixture(scope="module")
def seeded(stack: Stack) -> dict[str, str]:
    """The name of a project with something of everything, and one of its jobs that runs."""
    requests = Requests(stack.url("gateway"), "lighthouse")
    return {"project": requests.project, "job": seed(requests)}


@pytest.mark.parametrize("size", _SIZES, ids=["wide", "phone"])
def test_no_view_has_a_severe_barrier_or_is_wider_than_the_screen(
    size: str, browser: Browser, stack: Stack, seeded: dict[str, str]
) -> None:
    viewport = _SIZES[size]
    with console_page(browser, stack, viewport=viewport, reduced_motion="reduce") as console:
        for view, (address, heading) in _VIEWS.items():
            page = console.open(address.format(**seeded))
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
            console.until_loaded()
            for scheme in _SCHEMES:
                page.emulate_media(color_scheme=scheme)
                page.evaluate(
                    "new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn)))"
                )
                assert console.severe_barriers() == [], f"{view} {scheme}"
                look = "-phone" + ("-dark" if scheme == "dark" else "") if size else f"-{scheme}"
                _keep(page, view + look, _SIZES[size])
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= _SIZES[size]["width"], f"{view} is {width} wide"


@pytest.mark.parametrize("scheme", _SCHEMES)
def test_no_open_menu_or_dialog_has_a_severe_barrier(
    scheme: Literal["light", "dark"], browser: Browser, stack: Stack, seeded: dict[str, str]
) -> None:
    look = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with console_page(browser, stack, viewport=PHONE, **look) as console:
        page = console.open("/projects/{project}/jobs?status=failed".format(**seeded))
        page.get_by_role("checkbox").first.click()
        page.get_by_role("button", name="Try again…").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert console.severe_barriers() == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Clear").last.click()
        page.get_by_role("button", name="Save this view").click()
        expect(page.get_by_role("textbox", name="Name of the view")).to_be_visible()
        assert console.severe_barriers() == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name=re.compile(r"\d job")).first.click()
        expect(page.get_by_text("Notify me")).to_be_visible()
        assert console.severe_barriers() == []
        console.open("/jobs/{job}".format(**seeded))
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_role("dialog", name="Stop this job?")).to_be_visible()
        assert console.severe_barriers() == []


def test_a_narrow_screen_or_large_letters_need_no_scrolling_sideways(
    browser: Browser, stack: Stack, seeded: dict[str, str]
) -> None:
    """320 pixels: the smallest phone, or a screen of 640 at twice the size."""
    size: ViewportSize = {"width": 320, "height": 640}
    with console_page(browser, stack, viewport=size, reduced_motion="reduce") as console:
        for view, (address, heading) in _VIEWS.items():
            page = console.open(address.format(**seeded))
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
            console.until_loaded()
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{view} is {width} wide"


def _keep(page: Page, name: str, size: ViewportSize) -> None:
    """The picture of a view, as small as the web allows; it must show something."""
    picture = Image.open(io.BytesIO(page.screenshot(caret="hide", animations="disabled")))
    assert picture.size == (size["width"], size["height"])
    assert len(picture.convert("RGB").quantize(64).getcolors() or ()) > 8, f"{name} is empty"
    if _PICTURES:
        folder = ROOT / _PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").save(folder / f"{name}.webp", quality=82, method=6)


def test_every_control_and_state_is_seen_where_the_system_chooses_the_colours(
    browser: Browser, stack: Stack, seeded: dict[str, str]
) -> None:
    """Backgrounds and shadows are gone there: nothing may be said by them alone."""
    look = {"forced_colors": "active", "reduced_motion": "reduce"}
    with console_page(browser, stack, **look) as console:
        for view, (address, heading) in _VIEWS.items():
            page = console.open(address.format(**seeded))
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
            for _ in range(_LOOKS):
                if not (unseen := _unseen(page)):
                    break
                page.wait_for_timeout(500)
            assert unseen == [], view


def _unseen(page: Page) -> list[str]:
    controls = page.evaluate(_CONTROLS)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return [each["name"] for each in controls if not _is_seen(picture, each)]


def _is_seen(picture: Image.Image, control: dict[str, Any]) -> bool:
    """Whether a control is no blank area, a chosen one unlike the page, and progress unlike its rest."""
    x, y, width, height = control["box"]
    part = picture.crop((round(x), round(y), round(x + width), round(y + height)))
    colours = part.getcolors(part.width * part.height) or []
    if control["chosen"]:
        everything = picture.getcolors(picture.width * picture.height) or []
        return max(colours)[1] != max(everything)[1]
    if control["progress"] is not None and 10 < control["progress"] < 90:
        middle = part.height // 2
        done, rest = part.width // 20, part.width * 19 // 20
        return part.getpixel((done, middle)) != part.getpixel((rest, middle))
    return len(colours) > 1
