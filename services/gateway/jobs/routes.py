"""HTTP routes of job submission and retry."""

from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.ids import JobId, ProjectName
from heliograph.contracts.jobs import Job
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.access.end_users import of_user, require_user
from services.gateway.http import ACCEPTED, OF_A_JOB, IdempotencyKey, TraceParent
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import AcceptResult
from services.gateway.jobs.service import JobService
from services.gateway.jobs.views import JobViews


def job_routes(jobs: JobService, views: JobViews) -> APIRouter:
    """Routes of job submission and retry."""
    router = create_router("jobs")

    @router.post(
        "/projects/{project}/jobs",
        status_code=202,
        response_model=Job,
        responses={**ACCEPTED, **problems(*OF_A_JOB)},
        summary="Submit a job for a picture, a video or a text",
    )
    @needs("jobs:write")
    async def create_job(
        project: ProjectName,
        body: JobRequest,
        key: IdempotencyKey = None,
        traceparent: TraceParent = None,
        *,
        principal: CurrentPrincipal,
    ) -> Response:
        body = of_user(body, principal)
        identity = identify_request(project, key, traceparent=traceparent, access_key=principal.id)
        accepted = await jobs.submit(body, identity)
        limits = await jobs.quota_admission.headers(project, body.user, principal.id)
        return await _respond(views, accepted, limits)

    @router.post(
        "/jobs/{job}/retry",
        status_code=202,
        response_model=Job,
        responses={**ACCEPTED, **problems(*OF_A_JOB)},
        summary="Retry a job from the cheapest step that can work",
    )
    @needs("jobs:write")
    async def retry_job(
        job: JobId, body: RetryRequest, key: IdempotencyKey = None, *, principal: CurrentPrincipal
    ) -> Response:
        require_user(body.changes.get("user"), principal, "/changes/user")
        return await _respond(views, await jobs.retry(job, key, body, access_key=principal.id))

    return router


async def present(views: JobViews, accepted: AcceptResult) -> dict[str, Any]:
    """The job that the request stands for, as it is now."""
    job, sequence = accepted.job, accepted.entry.sequence
    fresh = not (accepted.replayed or accepted.deduplicated)
    shown = await (views.new_job if fresh else views.present)(job, sequence)
    return {**shown, "deduplicated": accepted.deduplicated}


async def _respond(
    views: JobViews, accepted: AcceptResult, limits: dict[str, str] | None = None
) -> Response:
    shown = await present(views, accepted)
    headers = {"Location": shown["links"]["self"], **(limits or {})}
    if accepted.replayed:
        headers["Idempotency-Replayed"] = "true"
    status = 200 if accepted.deduplicated else 202
    return json_response(shown, status, headers)
