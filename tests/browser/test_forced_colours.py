"""Where the system chooses the colours, parts of a bar, a timeline and the indicator differ as much as they must."""

import io
import re
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from tests.support.console_page import Requests, console_page
from tests.support.stack import Stack

_LEAST = 3.0  #: contrast of parts that tell something (WCAG 1.4.11)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parts_of_a_bar_a_timeline_and_the_indicator_are_told_apart(
    scheme: Literal["light", "dark"], browser: Browser, stack: Stack, project: str
) -> None:
    requests = Requests(stack.url("gateway"), project)
    ended = requests.submit("a lamp", parameters={"seconds": 1})
    requests.until_ended(ended)
    running = requests.submit("a storm", parameters={"seconds": 60, "steps": 20})
    look = {"forced_colors": "active", "color_scheme": scheme, "reduced_motion": "reduce"}
    with console_page(browser, stack, **look) as console:
        page = console.open(f"/jobs/{running}")
        bar = page.get_by_role("progressbar", name="Progress", exact=True)
        expect(bar).to_have_attribute("aria-valuenow", re.compile("^[1-8][0-9]$"))
        assert _contrast(bar) >= _LEAST
        assert (
            _contrast_at_noon(page.get_by_role("button", name="1 job").locator("span").first)
            >= _LEAST
        )
        page = console.open(f"/jobs/{ended}")
        spans = page.get_by_role("region", name="Timeline").get_by_role("listitem")
        expect(spans).to_have_count(6)
        for number in range(6):
            assert _contrast(spans.nth(number).locator("span").nth(1)) >= _LEAST


def _contrast(element: Locator) -> float:
    """Of the two colours that an element shows most; 1 where it shows one only."""
    picture = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    colours = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    return _ratio([colour for _, colour in colours[:2]])


def _contrast_at_noon(circle: Locator) -> float:
    """Of what is done and the rest, which meet at the top of a circle: right and left of it."""
    picture = Image.open(io.BytesIO(circle.screenshot())).convert("RGB")
    middle, down = picture.width // 2, picture.height // 8
    return _ratio([picture.getpixel((middle + across, down)) for across in (2, -2)])


def _ratio(colours: list[object]) -> float:
    lights = sorted(map(_luminance, colours))
    return (lights[-1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: object) -> float:
    """Relative luminance of a colour in sRGB, from 0 to 1."""
    assert isinstance(colour, tuple)
    parts: list[float] = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
