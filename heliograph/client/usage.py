"""Usage of the client: number and cost of the project's jobs."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from heliograph.client.http import GatewayConnection
from heliograph.contracts.queries.usage import UsageDimension
from heliograph.contracts.usage import UsageItem, UsageReport
from heliograph.encodable_text import part


class UsageCalls(GatewayConnection):
    """Calls for usage."""

    async def usage(
        self,
        by: Sequence[UsageDimension] = ("day",),
        *,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        **query: Any,
    ) -> UsageReport:
        """
        Jobs of the project, and what they cost, added up by `by`: a page, with the total of all.

        `since` is part of the time, `until` is not; they default to the last 30 days. `query` is the
        gateway's, as `time_zone="Europe/Berlin"`.
        """
        times = {"since": since, "until": until}
        query |= {name: at.isoformat() for name, at in times.items() if at}
        query["by"] = ",".join(by)
        path = f"/v1/projects/{part(self.project)}/usage"
        return UsageReport.model_validate(await self._send("GET", path, params=query))

    async def usage_items(
        self, by: Sequence[UsageDimension] = ("day",), **query: Any
    ) -> AsyncIterator[UsageItem]:
        """The items of all pages."""
        report = await self.usage(by, **query)
        while True:
            for item in report.items:
                yield item
            if report.next is None:
                return
            report = await self.usage(by, **{**query, "cursor": report.next})
