"""A quote says what it was signed for, and nothing else."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from heliograph.contracts.quote_tokens import QuotedPrice, QuotedRequest, read_quote, sign_quote

SECRET = b"known to all gateways"
REQUEST = QuotedRequest("demo", "d" * 64, "USD")
PRICE = QuotedPrice(Decimal("0.030"), datetime(2030, 1, 1, 12, tzinfo=UTC))
TOKEN = sign_quote(SECRET, REQUEST, PRICE)


def test_a_quote_is_read_as_it_was_signed() -> None:
    assert read_quote(SECRET, REQUEST, TOKEN) == PRICE


def test_a_quote_fits_into_a_request() -> None:
    dear = QuotedPrice(Decimal("999999.999999"), PRICE.expires_at)

    assert len(sign_quote(SECRET, REQUEST, dear)) <= 256


@pytest.mark.parametrize(
    "other",
    [
        QuotedRequest("another", REQUEST.digest, "USD"),
        QuotedRequest("demo", "e" * 64, "USD"),
        QuotedRequest("demo", REQUEST.digest, "EUR"),
    ],
    ids=["project", "request", "currency"],
)
def test_a_quote_for_something_else_says_nothing(other: QuotedRequest) -> None:
    assert read_quote(SECRET, other, TOKEN) is None


def test_a_quote_of_another_deployment_says_nothing() -> None:
    assert read_quote(b"another secret", REQUEST, TOKEN) is None


@pytest.mark.parametrize("number", range(0, len(TOKEN), 7))
def test_a_quote_that_was_changed_says_nothing(number: int) -> None:
    changed = "1" if TOKEN[number] == "0" else "0"

    assert read_quote(SECRET, REQUEST, TOKEN[:number] + changed + TOKEN[number + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "q", "quote_1_1_", f"{TOKEN}\n", TOKEN[:-1], f"{TOKEN}0"], ids=repr
)
def test_what_is_no_quote_says_nothing(text: str) -> None:
    assert read_quote(SECRET, REQUEST, text) is None
