"""HTTP routes of job submission and retry."""

from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.ids import JobId, ProjectName
from heliograph.contracts.records import Job
from heliograph.contracts.requests import JobRequest, RetryRequest
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import ACCEPTED, OF_A_JOB, IdempotencyKey, TraceParent, answer
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import AcceptResult
from services.gateway.jobs.service import JobService
from services.gateway.jobs.views import JobViews


def job_routes(desk: JobService, reader: JobViews) -> APIRouter:
    """What makes jobs."""
    router = create_router("jobs")

    @router.post(
        "/projects/{project}/jobs",
        status_code=202,
        response_model=Job,
        responses={**ACCEPTED, **problems(*OF_A_JOB)},
        summary="Ask for a picture, a video or a text",
    )
    async def create_job(
        project: ProjectName,
        body: JobRequest,
        key: IdempotencyKey = None,
        traceparent: TraceParent = None,
    ) -> Response:
        who = identify_request(project, key, traceparent=traceparent)
        return await _answer(reader, await desk.submit(body, who))

    @router.post(
        "/jobs/{job}/retry",
        status_code=202,
        response_model=Job,
        responses={**ACCEPTED, **problems(*OF_A_JOB)},
        summary="Try again, from the cheapest step that can work",
    )
    async def retry_job(job: JobId, body: RetryRequest, key: IdempotencyKey = None) -> Response:
        return await _answer(reader, await desk.retry(job, key, body))

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
