"""Quotes of the client: price and estimated start of requests."""

from collections.abc import Mapping, Sequence
from typing import Any

from heliograph.client.http import GatewayConnection
from heliograph.contracts.quotes import Quote, QuoteList
from heliograph.encodable_text import part


class QuoteCalls(GatewayConnection):
    """Calls for prices. No job is created."""

    async def quote(self, *, kind: str, prompt: str, **fields: Any) -> Quote:
        """
        Price and estimated start of a request; the arguments are those of `submit`.

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
