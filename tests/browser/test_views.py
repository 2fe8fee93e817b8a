"""Everybody can use every view: axe finds nothing serious, and nothing is wider than a phone."""

import io
import os

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deploy.local.processes import ROOT
from tests.browser.seeds import seed
from tests.support.console_page import PHONE, WIDE, Requests, console_page
from tests.support.stack import Stack

_LOOKS = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "phone": (PHONE, "light"),
    "phone-dark": (PHONE, "dark"),
}
#: each view, its address below the project and the heading by which a test knows that it is there
_VIEWS = {
    "projects": ("/", "Projects"),
    "studio": ("", "lighthouse"),
    "request": ("?new=portrait", "Make something"),
    "slot": ("/slots/portrait/keeper", "portrait/keeper"),
    "compare": ("/slots/portrait/keeper?version=3&against=2", "portrait/keeper"),
    "failure": ("/slots/shot/6", "shot/6"),
    "story": ("/slots/story/one", "story/one"),
    "cast": ("/cast/alice", "alice"),
    "jobs": ("/jobs", "Jobs"),
    "failures": ("/failures", "Look at every failure"),
    "board": ("/board", "Board"),
}
#: `HELIOGRAPH_TEST_PICTURES=docs/images` keeps the pictures, then of all looks
_PICTURES = os.environ.get("HELIOGRAPH_TEST_PICTURES")
_SEEN = _LOOKS if _PICTURES else ("light", "phone-dark")  # both themes, both widths


@pytest.fixture(scope="module")
def seeded(stack: Stack) -> str:
    """The project's name."""
    requests = Requests(stack.url("gateway"), "lighthouse")
    seed(requests)
    return requests.project


@pytest.mark.parametrize("look", _SEEN)
def test_no_view_has_a_severe_barrier_or_is_wider_than_the_screen(
    look: str, browser: Browser, stack: Stack, ours: tuple[str, ...], seeded: str
) -> None:
    size, scheme = _LOOKS[look]
    options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    with console_page(browser, stack.url("gateway"), ours, **options) as console:
        for view, (path, heading) in _VIEWS.items():
            below = "" if view in ("projects", "board") else f"/projects/{seeded}"
            page = console.open(below + path)
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
            page.wait_for_load_state("networkidle")
            assert console.severe_barriers() == [], view
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{view} is {width} wide"
            _keep(page, f"{view}-{look}", size)


def _keep(page: Page, name: str, size: ViewportSize) -> None:
    """The picture of a view, as small as the web allows; it must show something."""
    picture = Image.open(io.BytesIO(page.screenshot(caret="hide", animations="disabled")))
    assert picture.size == (size["width"], size["height"])
    assert len(picture.convert("RGB").quantize(64).getcolors() or ()) > 8, f"{name} is empty"
    if _PICTURES:
        folder = ROOT / _PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").save(folder / f"{name}.webp", quality=82, method=6)
