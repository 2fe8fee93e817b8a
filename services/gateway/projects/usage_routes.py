"""HTTP routes of usage."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from heliograph.contracts.ids import ProjectName
from heliograph.contracts.usage import UsageQuery, UsageReport
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import NEXT_PAGE
from services.gateway.projects.usage import UsageReports
from services.gateway.projects.usage_csv import MEDIA_TYPE, csv_lines


def usage_routes(usage: UsageReports) -> APIRouter:
    """Routes of usage."""
    router = create_router("projects")

    @router.get(
        "/projects/{project}/usage",
        response_model=UsageReport,
        responses={
            200: {
                "description": "The usage; as CSV, all pages at once",
                "headers": NEXT_PAGE,
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            },
            **problems(),
        },
        summary="How many jobs a project had, and what they cost",
    )
    @needs("usage:read")
    async def get_usage(
        project: ProjectName, query: Annotated[UsageQuery, Query()], request: Request
    ) -> Response:
        if _is_csv(query, request):
            return await _csv(usage.reports(project, query), project)
        report = await usage.report(project, query)
        headers = {}
        if report.next:
            following = request.url.include_query_params(cursor=report.next)
            headers["Link"] = f'<{following}>; rel="next"'
        return json_response(report.model_dump(mode="json"), headers=headers)

    return router


def _is_csv(query: UsageQuery, request: Request) -> bool:
    return (query.format or request.headers.get("accept", "")) in ("csv", MEDIA_TYPE)


async def _csv(reports: AsyncIterator[UsageReport], project: str) -> Response:
    """The first page is there before the answer begins, so that a mistake is a problem."""
    lines = csv_lines(reports)
    first = await anext(lines)

    async def every() -> AsyncIterator[str]:
        yield first
        async for more in lines:
            yield more

    headers = {"Content-Disposition": f'attachment; filename="usage-{project}.csv"'}
    return StreamingResponse(every(), media_type=MEDIA_TYPE, headers=headers)
