"""HTTP routes that read jobs: one, lists with filters, events and attempts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from heliograph.contracts.ids import JobId, ProjectName
from heliograph.contracts.jobs import Job
from heliograph.contracts.listings import Attempts, JobEvents, JobList
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.cursors import ListCursors
from services.gateway.http import NEXT_PAGE, OF_A_READ
from services.gateway.jobs.filters import JobsQuery
from services.gateway.jobs.views import JobViews

_NO_FILTERS = {"cursor", "limit", "counts"}  #: of a query of jobs: they do not select jobs


class EventsQuery(BaseModel, extra="forbid"):
    """Which events of a job."""

    after: int = Field(default=0, ge=0, lt=2**63, description="Events after this sequence")


def view_routes(views: JobViews) -> APIRouter:
    """Read routes of jobs."""
    router = create_router("jobs")

    @router.get(
        "/projects/{project}/jobs",
        response_model=JobList,
        responses={
            200: {"description": "A page of jobs", "headers": NEXT_PAGE},
            **problems(*OF_A_READ),
        },
        summary="List jobs of a project",
    )
    @needs("jobs:read")
    async def list_jobs(
        project: ProjectName, query: Annotated[JobsQuery, Query()], request: Request
    ) -> Response:
        criteria = query.jobs(project)
        cursors = ListCursors("jobs", criteria.model_dump(exclude=_NO_FILTERS))
        position = cursors.position(query.cursor)
        page = await views.jobs(criteria.model_copy(update={"cursor": position}))
        page["next"] = cursors.after(page["next"])
        return json_response(page, headers=_next_link(request, page["next"]))

    @router.get(
        "/jobs/{job}",
        response_model=Job,
        response_description="The job",
        responses=problems(*OF_A_READ),
        summary="Current state of a job",
    )
    @needs("jobs:read")
    async def get_job(job: JobId) -> Response:
        return json_response(await views.job(job))

    @router.get(
        "/jobs/{job}/events",
        response_model=JobEvents,
        response_description="A page of events",
        responses=problems(*OF_A_READ),
        summary="List events of a job, in order",
    )
    @needs("jobs:read")
    async def list_events(job: JobId, query: Annotated[EventsQuery, Query()]) -> Response:
        return json_response(await views.history(job, query.after))

    @router.get(
        "/jobs/{job}/attempts",
        response_model=Attempts,
        response_description="The attempts",
        responses=problems(*OF_A_READ),
        summary="List attempts of a job: provider requests, times and charges",
    )
    @needs("jobs:read")
    async def list_attempts(job: JobId) -> Response:
        return json_response({"items": await views.attempts(job), "next": None})

    return router


def _next_link(request: Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    return {"Link": f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'}
