"""HTTP routes of usage."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from heliograph.contracts.ids import ProjectName
from heliograph.contracts.usage import UsageQuery, UsageReport
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import NEXT_PAGE
from services.gateway.projects.usage import UsageReports
from services.gateway.projects.usage_csv import MEDIA_TYPE, csv_response, is_csv


def usage_routes(usage: UsageReports) -> APIRouter:
    """Routes of usage."""
    router = create_router("projects")

    @router.get(
        "/projects/{project}/usage",
        response_model=UsageReport,
        responses={
            200: {
                "description": "The usage; CSV contains all pages",
                "headers": NEXT_PAGE,
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
            },
            **problems(),
        },
        summary="Usage of a project: number and cost of jobs",
    )
    @needs("usage:read")
    async def get_usage(
        project: ProjectName, query: Annotated[UsageQuery, Query()], request: Request
    ) -> Response:
        if is_csv(query, request):
            return await csv_response(usage.reports(project, query), project)
        report = await usage.report(project, query)
        headers = {}
        if report.next:
            following = request.url.include_query_params(cursor=report.next)
            headers["Link"] = f'<{following}>; rel="next"'
        return json_response(report.model_dump(mode="json"), headers=headers)

    return router
