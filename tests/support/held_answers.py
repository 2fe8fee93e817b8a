"""An answer that a page has to wait for until a test lets it go: others overtake it."""

import re
import time

from playwright.sync_api import APIResponse, Page, Route

_WITHIN = 60.0  #: seconds


class HeldAnswer:
    """The answer to the next read of an address, as it was when the page asked."""

    def __init__(self, page: Page, address: re.Pattern[str]) -> None:
        self._page = page
        self._held: list[tuple[Route, APIResponse]] = []
        page.route(address, self._hold, times=1)

    def until_held(self) -> None:
        """Until the server has answered, and the page does not know."""
        end = time.monotonic() + _WITHIN
        while not self._held:
            assert time.monotonic() < end, "it is not read"
            self._page.wait_for_timeout(20)

    def release(self) -> None:
        """Let the page have it, and show what it does with it."""
        [(route, response)] = self._held
        with self._page.expect_event("requestfinished", lambda each: each == route.request):
            route.fulfill(response=response)
        self._page.evaluate("fetch('/v1').then((later) => later.text())")  # so that it was read
        until_drawn(self._page)

    def _hold(self, route: Route) -> None:
        self._held.append((route, route.fetch()))


def until_drawn(page: Page) -> None:
    """Until the page has shown what it knows."""
    frame = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    page.evaluate(frame)
