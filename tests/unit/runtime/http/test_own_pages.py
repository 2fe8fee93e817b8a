"""A cookie counts only where a page of ours sends it."""

import pytest

from heliograph.runtime.http.own_pages import is_own_page

OWN, OTHER = "https://heliograph.example", "https://evil.example"


@pytest.mark.parametrize(
    ("fetch_site", "origin", "expected"),
    [
        ("same-origin", None, True),
        ("same-origin", OWN, True),
        ("none", None, True),
        ("same-site", OWN, True),  # the console asks storage, on another port
        ("cross-site", OWN, True),
        (None, OWN, True),
        (None, None, True),
        ("same-site", OTHER, False),
        ("same-site", None, False),
        ("cross-site", OTHER, False),
        ("cross-site", None, False),
        ("cross-site", "null", False),
        (None, OTHER, False),
        (None, "null", False),
        ("", None, False),
        ("Same-Origin", None, False),
    ],
)
def test_a_request_is_of_an_own_page(
    fetch_site: str | None, origin: str | None, expected: bool
) -> None:
    assert is_own_page(fetch_site, origin, lambda text: text == OWN) is expected
