"""What a page must never do fails every test that looks at it, whatever that test is about."""

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.console_page import console_page
from tests.support.stack import Stack

_WITHIN = 60.0  #: seconds
_FOREIGN = "http://127.0.0.1:9/picture.png"


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("console.error('broken')", "console: broken"),
        ("console.warn('broken')", "console: broken"),
        ("throw new Error('broken')", "error: broken"),
        ("Promise.reject(new Error('broken'))", "error: broken"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("document.body.append(new Range().createContextualFragment('<p>'))", "TrustedHTML"),
        ("document.body.innerHTML = '<img src=x onerror=alert(1)>'", "TrustedHTML"),
        (f"fetch('{_FOREIGN}').catch(() => 0)", "Content Security Policy"),
        (f"new Image().src = '{_FOREIGN}'", "Content Security Policy"),
        ("fetch('/v1/jobs/none')", "from http"),
        ("fetch('/gone')", "net::ERR_CONNECTION_RESET from http"),
    ],
)
def test_a_deed_that_no_page_may_do_is_told(
    browser: Browser, stack: Stack, deed: str, told: str
) -> None:
    assert told in failure_after(deed, browser, stack)


def test_a_request_to_somebody_else_is_told_even_where_no_policy_stops_it(
    browser: Browser, stack: Stack
) -> None:
    deed = f"fetch('{_FOREIGN}').catch(() => 0)"

    assert f"foreign request: {_FOREIGN}" in failure_after(deed, browser, stack, bypass_csp=True)


def failure_after(deed: str, browser: Browser, stack: Stack, **options: Any) -> str:
    """How a test fails whose page does this."""
    with pytest.raises(AssertionError) as failure:
        do(deed, browser, stack, **options)
    return str(failure.value)


def do(deed: str, browser: Browser, stack: Stack, **options: Any) -> None:
    with console_page(browser, stack, **options) as console:
        page = console.open("/")
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        page.route("**/gone", lambda route: route.abort("connectionreset"))
        page.evaluate(f"() => {{ setTimeout(() => {{ {deed}; }}); }}")
        end = time.monotonic() + _WITHIN
        while not console.faults and time.monotonic() < end:
            page.wait_for_timeout(20)
