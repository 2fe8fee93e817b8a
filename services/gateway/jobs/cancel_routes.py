"""HTTP routes of job cancellation."""

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.requests import CancelRequest
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from services.gateway.http import ACCEPTED, PROBLEMS, answer, job_name
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.views import JobViews


def cancel_routes(canceler: JobCancellation, reader: JobViews) -> APIRouter:
    """What ends jobs."""
    router = APIRouter(
        prefix="/v1", tags=["jobs"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.post(
        "/jobs/{job}/cancel",
        status_code=202,
        responses=ACCEPTED,
        openapi_extra=body_of(CancelRequest),
        summary="Stop a job, or take it out of its slot",
    )
    async def cancel_job(job: str, request: Request) -> Response:
        name = job_name(job)
        mode = (await read_body(request, CancelRequest)).mode
        entry, changed = await canceler.cancel(name, mode)
        shown = await reader.present(entry.record, entry.sequence)
        return answer(shown, 202 if changed else 200)

    @router.get("/jobs/{job}/cancel", summary="What canceling now would mean")
    async def preview_cancel(job: str) -> Response:
        return answer({"charged": await canceler.preview(job_name(job))})

    return router
