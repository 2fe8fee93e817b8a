"""How long a provider wants us to wait is read in the forms of all servers that speak alike."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from heliograph.runtime.clock import now
from services.render.providers.rate_limit import DEFAULT_DELAY, retry_after


def wait(headers: dict[str, str] | None = None, body: Any = None, text: str = "") -> float:
    content = json.dumps(body).encode()
    return retry_after(httpx.Response(429, headers=headers, content=content), text)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "12s"}, 12),
        ({"Retry-After": "86400"}, 600),
        ({"Retry-After": "-3"}, 0),
        ({"x-ratelimit-reset-requests": "12s", "x-ratelimit-remaining-requests": "0"}, 12),
        ({"x-ratelimit-reset-requests": "1m30s"}, 90),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-images": "20ms"}, 0.02),
        ({"x-ratelimit-reset": "17"}, 17),
        ({"RateLimit-Reset": "4"}, 4),
        ({"x-ratelimit-reset-requests": "8ms", "Retry-After": "3"}, 3),
        (
            {
                "x-ratelimit-reset-requests": "12s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m",
                "x-ratelimit-remaining-tokens": "900",
            },
            12,
        ),
        (
            {
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "30s",
                "x-ratelimit-remaining-tokens": "0",
            },
            30,
        ),
        ({"x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "30s"}, 2),
    ],
    ids=str,
)
def test_a_header_says_how_long(headers: dict[str, str], seconds: float) -> None:
    assert wait(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("form", ["seconds", "milliseconds", "ISO", "HTTP"])
def test_a_header_says_until_when(form: str) -> None:
    at = now() + timedelta(seconds=40)
    headers = {
        "seconds": f"{at.timestamp():.0f}",
        "milliseconds": f"{at.timestamp() * 1000:.0f}",
        "ISO": at.isoformat(),
        "HTTP": at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }

    assert wait({"x-ratelimit-reset": headers[form]}) == pytest.approx(40, abs=2)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"retry_after": 3}, 3),
        ({"retry_after_ms": 250}, 0.25),
        ({"error": {"retry_after": "9"}}, 9),
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "21"}}}}, 21),
    ],
    ids=str,
)
def test_the_body_says_how_long(body: Any, seconds: float) -> None:
    assert wait(body=body) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached for images per minute. Please try again in 12s.", 12),
        ("Please try again in 1m30.5s. Visit us.", 90.5),
        ("Please try again in 88ms.", 0.088),
        ("Please retry after 6 seconds.", 6),
        ("Your rate limit resets in ~30s.", 30),
        ("Please wait 2 minutes", 120),
    ],
)
def test_the_sentence_says_how_long(text: str, seconds: float) -> None:
    assert wait(text=text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": ""},
        {"Retry-After": "soon"},
        {"Retry-After": "nan"},
        {"retry-after-ms": "inf"},
        {"x-ratelimit-reset-requests": "12 parsecs"},
        {"x-ratelimit-limit-requests": "60"},
    ],
    ids=str,
)
@pytest.mark.parametrize("body", [None, {"error": "slow down"}, {"retry_after": True}], ids=str)
def test_a_rate_limit_without_a_delay_uses_the_default(headers: dict[str, str], body: Any) -> None:
    assert wait(headers, body) == DEFAULT_DELAY
