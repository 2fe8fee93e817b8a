"""Usage as CSV (RFC 4180): a line for each item, with a column for each status."""

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any, get_args

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from heliograph.contracts.job_steps import Status
from heliograph.contracts.queries.usage import UsageDimension
from heliograph.contracts.usage import UsageItem, UsageQuery, UsageReport

MEDIA_TYPE = "text/csv"

_STATUSES: tuple[Status, ...] = get_args(Status)
_AMOUNTS = ("estimated", "actual", "unknown", "spent", "held")


async def csv_lines(reports: AsyncIterable[UsageReport]) -> AsyncIterator[str]:
    """The pages of a report as text, the names of the columns first."""
    is_first = True
    async for report in reports:
        names = [_row_of_names(report.by)] if is_first else []
        yield _written([*names, *(_row(item, report.by) for item in report.items)])
        is_first = False


def _row_of_names(by: Sequence[UsageDimension]) -> list[str]:
    return [*by, "jobs", *_STATUSES, "currency", *_AMOUNTS]


def _row(item: UsageItem, by: Sequence[UsageDimension]) -> list[Any]:
    """Amounts are written as in JSON; fields without a value are empty."""
    shown = item.model_dump(mode="json")
    counts = (shown["counts"].get(status, 0) for status in _STATUSES)
    amounts = (shown[name] for name in _AMOUNTS)
    return [*(shown[each] for each in by), shown["jobs"], *counts, shown["currency"], *amounts]


def _written(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def is_csv(query: UsageQuery, request: Request) -> bool:
    return (query.format or request.headers.get("accept", "")) in ("csv", MEDIA_TYPE)


async def csv_response(reports: AsyncIterator[UsageReport], project: str) -> Response:
    """The first page is read before the response begins, so that an error can still be sent as a problem."""
    lines = csv_lines(reports)
    first = await anext(lines)

    async def every() -> AsyncIterator[str]:
        yield first
        async for more in lines:
            yield more

    headers = {"Content-Disposition": f'attachment; filename="usage-{project}.csv"'}
    return StreamingResponse(every(), media_type=MEDIA_TYPE, headers=headers)
