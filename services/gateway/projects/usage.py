"""Usage of projects, queried from status page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date

from heliograph.contracts.money import ZERO
from heliograph.contracts.queries.usage import GetUsage, UsagePage, UsagePeriod
from heliograph.contracts.usage import UsageAmounts, UsageQuery, UsageReport, item_of
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.clock import now
from services.gateway.cursors import ListCursors
from services.gateway.projects.usage_cursors import continued, cursor_of
from services.gateway.projects.usage_periods import usage_periods, zone_of

_TIMEOUT = 20.0  #: seconds to add up what a project has

ZoneOf = Callable[[str], Awaitable[str]]  #: IANA name of the time zone of a project


class UsageReports:
    """
    Reports what the jobs of projects cost. Every method raises Unavailable.

    Args:
        zone_name: Returns the time zone of a project.
    """

    def __init__(self, request: RequestReply, zone_name: ZoneOf) -> None:
        self._request = request
        self._zone_name = zone_name

    async def report(self, project: str, query: UsageQuery) -> UsageReport:
        """
        A page of the usage of a project.

        Raises:
            ValidationFailed: The times, the time zone or the cursor are wrong.
        """
        cursors = _cursors(project, query)
        query = continued(query.model_copy(update={"cursor": cursors.position(query.cursor)}))
        zone = query.time_zone or await self._zone_name(project)
        periods = usage_periods(query, zone_of(zone), now())
        page = await self._page(project, query, periods)
        position = cursor_of(periods, page.next) if page.next else None
        report = _report(project, query, zone, periods, page)
        return report.model_copy(update={"next": cursors.after(position)})

    async def reports(self, project: str, query: UsageQuery) -> AsyncIterator[UsageReport]:
        """All pages from the cursor on, for the same period."""
        while True:
            report = await self.report(project, query)
            yield report
            if report.next is None:
                return
            query = query.model_copy(update={"cursor": report.next})

    async def _page(self, project: str, query: UsageQuery, periods: list[UsagePeriod]) -> UsagePage:
        by = [each for each in query.by if each != "day"]
        request = GetUsage(
            project=project, periods=periods, by=by, cursor=query.cursor, limit=query.limit
        )
        return await self._request(request, timeout=_TIMEOUT)


def _cursors(project: str, query: UsageQuery) -> ListCursors:
    """Cursors of the list that a query asks for."""
    split = query.model_dump(mode="json", include={"by", "since", "until", "time_zone"})
    return ListCursors("usage", {"project": project, **split})


def _report(
    project: str, query: UsageQuery, zone: str, periods: list[UsagePeriod], page: UsagePage
) -> UsageReport:
    names = [date.fromisoformat(each.name) if each.name else None for each in periods]
    return UsageReport(
        project=project,
        by=query.by,
        since=periods[0].starts,
        until=periods[-1].ends,
        time_zone=zone,
        total=_total(page),
        items=[item_of(group, names[group.period]) for group in page.groups],
        next=None,
    )


def _total(page: UsagePage) -> UsageAmounts | None:
    if len(page.totals) > 1:
        return None
    return UsageAmounts.of(page.totals[0]) if page.totals else _NOTHING


_NOTHING = UsageAmounts(
    jobs=0,
    counts={},
    currency="USD",
    estimated=ZERO,
    actual=ZERO,
    unknown=ZERO,
    spent=ZERO,
    held=ZERO,
)
