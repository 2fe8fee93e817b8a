"""Quotes of the client: what requests cost, and when they would run."""

from collections.abc import Mapping, Sequence
from typing import Any

from heliograph.client.http import GatewayConnection
from heliograph.contracts.quotes import Quote, QuoteList
from heliograph.encodable_text import part


class QuoteCalls(GatewayConnection):
    """Requests for prices. Nothing is made."""

    async def quote(self, *, kind: str, prompt: str, **fields: Any) -> Quote:
        """
        What a request would cost, and when it would run; it takes what `submit` takes.

            quote = await client.quote(kind="shot", prompt="a storm")
            job = await client.submit(kind="shot", prompt="a storm", quote=quote.quote)

        With `quote` the request is refused (`over_max_cost`) when the price has risen meanwhile, and
        (`quote_expired`) after ten minutes.
        """
        [item] = (await self.quotes([{"kind": kind, "prompt": prompt, **fields}])).items
        return item

    async def quotes(self, jobs: Sequence[Mapping[str, Any]]) -> QuoteList:
        """The same for up to 500 requests, with the price of all of them."""
        path = f"/v1/projects/{part(self.project)}/quotes"
        body = {"jobs": [dict(job) for job in jobs]}
        return QuoteList.model_validate(await self._send("POST", path, json=body))
