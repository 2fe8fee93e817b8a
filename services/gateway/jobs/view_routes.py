"""HTTP routes that read jobs: one, lists with filters, events and attempts."""

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from heliograph.contracts.actions import MOST_LABELS, Labels
from heliograph.contracts.queries.read_model import ListJobs
from heliograph.contracts.records import Job, Status
from heliograph.runtime.http.openapi import query_of
from heliograph.runtime.http.params import no_query, read_query
from services.gateway.http import PROBLEMS, answer, job_name, project_name
from services.gateway.jobs.views import JobViews


class JobsQuery(BaseModel, extra="forbid"):
    """Filters of a list of jobs."""

    status: Status | None = None
    kind: str | None = Field(default=None, max_length=64)
    model: str | None = Field(default=None, max_length=130)
    slot: str | None = Field(default=None, max_length=520)  #: prefix
    user: str | None = Field(default=None, max_length=128)
    batch: str | None = Field(default=None, max_length=32)
    tag: Labels = Field(default_factory=dict, max_length=MOST_LABELS)  #: `tag.<name>=<value>`
    param: Labels = Field(default_factory=dict, max_length=MOST_LABELS)  #: `param.<name>=<value>`
    q: str | None = Field(default=None, min_length=1, max_length=256)
    created_after: AwareDatetime | None = None
    created_before: AwareDatetime | None = None
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=50, ge=1, le=200)


class EventsQuery(BaseModel, extra="forbid"):
    after: int = Field(default=0, ge=0, lt=2**63)


def view_routes(reader: JobViews) -> APIRouter:
    """What changes nothing."""
    router = APIRouter(prefix="/v1", tags=["jobs"], responses=PROBLEMS)
    plain = [Depends(no_query)]

    @router.get(
        "/projects/{project}/jobs",
        openapi_extra=query_of(JobsQuery),
        summary="Jobs of a project, newest first",
    )
    async def list_jobs(project: str, request: Request) -> Response:
        asked = read_query(request, JobsQuery, prefixes=("tag", "param"))
        query = ListJobs(
            project=project_name(project),
            tags=asked.tag,
            parameters=asked.param,
            **asked.model_dump(exclude={"tag", "param"}),
        )
        page = await reader.jobs(query)
        headers = {}
        if page["next"]:
            following = request.url.include_query_params(cursor=page["next"])
            headers["Link"] = f'<{following}>; rel="next"'
        return answer(page, headers=headers)

    @router.get(
        "/jobs/{job}",
        responses={200: {"model": Job}},
        dependencies=plain,
        summary="A job as it is now",
    )
    async def get_job(job: str) -> Response:
        return answer(await reader.job(job_name(job)))

    @router.get(
        "/jobs/{job}/events",
        openapi_extra=query_of(EventsQuery),
        summary="What happened to a job, in order",
    )
    async def list_events(job: str, request: Request) -> Response:
        after = read_query(request, EventsQuery).after
        return answer(await reader.history(job_name(job), after))

    @router.get(
        "/jobs/{job}/attempts",
        dependencies=plain,
        summary="What was sent to the provider, when, and for how much",
    )
    async def list_attempts(job: str) -> Response:
        return answer({"items": await reader.attempts(job_name(job)), "next": None})

    return router
