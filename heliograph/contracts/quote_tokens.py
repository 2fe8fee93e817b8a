"""
Quote tokens: `quote_<expiry>_<amount>_<code>`, which any gateway can check without a look-up.

The code is an HMAC-SHA-256 over the expiry (seconds since 1970), the amount, its currency, the project
and the digest of the request, with a secret that all gateways share.
"""

import hmac
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from heliograph.contracts.base64url import encode

_FORM = re.compile(
    r"quote_(?P<expiry>[0-9]{1,12})_(?P<amount>[0-9]{1,12}(?:\.[0-9]{1,12})?)_(?P<code>[\w-]{43})",
    re.ASCII,
)


class QuotedRequest(NamedTuple):
    """Input that a quote is valid for."""

    project: str
    digest: str  #: of the request
    currency: str


class QuotedPrice(NamedTuple):
    """Content of a quote."""

    amount: Decimal
    expires_at: datetime


def sign_quote(secret: bytes, request: QuotedRequest, price: QuotedPrice) -> str:
    """The token of a quote; its expiry is kept to the second."""
    terms = f"{int(price.expires_at.timestamp())}_{price.amount:f}"
    return f"quote_{terms}_{_code(secret, request, terms)}"


def read_quote(secret: bytes, request: QuotedRequest, text: str) -> QuotedPrice | None:
    """Content of a token; None if it is malformed, forged, or for another purpose."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    terms = f"{form['expiry']}_{form['amount']}"
    if not hmac.compare_digest(form["code"], _code(secret, request, terms)):
        return None
    return QuotedPrice(Decimal(form["amount"]), datetime.fromtimestamp(int(form["expiry"]), UTC))


def _code(secret: bytes, request: QuotedRequest, terms: str) -> str:
    signed = "\0".join([*request, terms]).encode()
    return encode(hmac.digest(secret, signed, "sha256"))
