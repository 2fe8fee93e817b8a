"""HTTP routes of job cancellation."""

from fastapi import APIRouter, Response

from heliograph.contracts.errors import StateConflict
from heliograph.contracts.ids import JobId
from heliograph.contracts.jobs import Job
from heliograph.contracts.listings import CancelCharge
from heliograph.contracts.requests import CancelRequest
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE, OF_A_READ
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.views import JobViews


def cancel_routes(cancellation: JobCancellation, views: JobViews) -> APIRouter:
    """Cancel routes."""
    router = create_router("jobs")

    @router.post(
        "/jobs/{job}/cancel",
        status_code=202,
        response_model=Job,
        response_description="The job is canceled, or will be when its worker is notified",
        responses={
            200: {"model": Job, "description": "The job was already canceled"},
            **problems(*OF_A_CHANGE, StateConflict),
        },
        summary="Cancel a job, or detach it from its slot",
    )
    @needs("jobs:write")
    async def cancel_job(job: JobId, body: CancelRequest) -> Response:
        entry, changed = await cancellation.cancel(job, body.mode)
        shown = await views.present(entry.record, entry.sequence)
        return json_response(shown, 202 if changed else 200)

    @router.get(
        "/jobs/{job}/cancel",
        response_model=CancelCharge,
        response_description="Charge if the job is canceled now",
        responses=problems(*OF_A_READ),
        summary="Charge of canceling a job now",
    )
    @needs("jobs:read")
    async def preview_cancel(job: JobId) -> Response:
        return json_response({"charged": await cancellation.preview(job)})

    return router
