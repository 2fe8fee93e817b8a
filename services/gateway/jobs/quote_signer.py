"""Signer of quotes: they bind the price of a request at every gateway, until they expire."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from heliograph.contracts.errors import QuoteExpired, ValidationFailed
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import NextAction
from heliograph.contracts.quote_tokens import QuotedPrice, QuotedRequest, read_quote, sign_quote
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.clock import now
from services.gateway.jobs.price_consent import over_max_cost


class QuoteSigner:
    """
    Signs and checks quotes. Every method raises Unavailable.

    Args:
        secret: Returns the secret that all gateways share.
    """

    def __init__(self, secret: Callable[[], Awaitable[bytes]]) -> None:
        self._ask_secret = secret
        self._known: bytes | None = None

    async def _secret(self) -> bytes:
        self._known = self._known or await self._ask_secret()
        return self._known

    async def sign(
        self, project: str, request: JobRequest, cost: Cost, expires_at: datetime
    ) -> str:
        """A quote for a request of a project."""
        terms = QuotedPrice(cost.estimated, expires_at)
        return sign_quote(await self._secret(), _quoted(project, request, cost), terms)

    async def check(self, project: str, request: JobRequest, cost: Cost) -> None:
        """
        Check that the quote of a request, if it has one, covers its cost.

        Raises:
            ValidationFailed: The quote is not for this request.
            QuoteExpired: The quote has expired; the caller must request a new one.
            OverMaxCost: The price has risen above the quote.
        """
        if request.quote is None:
            return
        price = read_quote(await self._secret(), _quoted(project, request, cost), request.quote)
        if price is None:
            raise ValidationFailed.at("/quote", "is no quote for this request")
        if now() >= price.expires_at:
            again = NextAction(kind="quote", label="Ask for a new quote")
            raise QuoteExpired(f"the quote expired at {price.expires_at}", next_actions=[again])
        if cost.estimated > price.amount:
            raise over_max_cost(cost, f"the quote says {price.amount:f}")


def _quoted(project: str, request: JobRequest, cost: Cost) -> QuotedRequest:
    return QuotedRequest(project, request.input_digest(), cost.currency)
