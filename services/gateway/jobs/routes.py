"""HTTP routes of job submission and retry."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.requests import JobRequest, RetryRequest
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from services.gateway.http import (
    ACCEPTED,
    PROBLEMS,
    answer,
    idempotency_key,
    job_name,
    project_name,
)
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import AcceptResult
from services.gateway.jobs.service import JobService
from services.gateway.jobs.views import JobViews


def job_routes(desk: JobService, reader: JobViews) -> APIRouter:
    """What makes jobs."""
    router = APIRouter(
        prefix="/v1", tags=["jobs"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.post(
        "/projects/{project}/jobs",
        status_code=202,
        responses=ACCEPTED,
        openapi_extra=body_of(JobRequest),
        summary="Ask for a picture, a video or a text",
    )
    async def create_job(project: str, request: Request) -> Response:
        who = identify_request(
            project_name(project),
            idempotency_key(request),
            traceparent=request.headers.get("traceparent"),
        )
        wanted = await read_body(request, JobRequest)
        return await _answer(reader, await desk.submit(wanted, who))

    @router.post(
        "/jobs/{job}/retry",
        status_code=202,
        responses=ACCEPTED,
        openapi_extra=body_of(RetryRequest),
        summary="Try again, from the cheapest step that can work",
    )
    async def retry_job(job: str, request: Request) -> Response:
        name, key = job_name(job), idempotency_key(request)
        asked = await read_body(request, RetryRequest)
        return await _answer(reader, await desk.retry(name, key, asked))

    return router


async def present(reader: JobViews, acceptance: AcceptResult) -> dict[str, Any]:
    """The job that is the answer, as it is now."""
    job, sequence = acceptance.job, acceptance.entry.sequence
    fresh = not (acceptance.replayed or acceptance.deduplicated)
    shown = await (reader.new_job if fresh else reader.present)(job, sequence)
    return {**shown, "deduplicated": acceptance.deduplicated}


async def _answer(reader: JobViews, acceptance: AcceptResult) -> Response:
    headers = {"Location": f"/v1/jobs/{acceptance.job.id}"}
    if acceptance.replayed:
        headers["Idempotency-Replayed"] = "true"
    status = 200 if acceptance.deduplicated else 202
    return answer(await present(reader, acceptance), status, headers)
