"""HTTP routes of cleanup."""

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from services.gateway.http import PROBLEMS, answer, project_name
from services.gateway.projects.cleanup import CleanupRequests


def cleanup_routes(cleanups: CleanupRequests) -> APIRouter:
    """What removes results."""
    router = APIRouter(
        prefix="/v1", tags=["projects"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.post(
        "/projects/{project}/cleanup",
        status_code=202,
        responses={
            200: {"model": CleanupReport, "description": "What would go"},
            202: {"model": CleanupReport, "description": "What goes, in the next moments"},
        },
        openapi_extra=body_of(CleanupRequest),
        summary="Let go what the project keeps no longer, after a look at what that is",
    )
    async def clean(project: str, request: Request) -> Response:
        name = project_name(project)
        wanted = await read_body(request, CleanupRequest)
        report = await cleanups.request_cleanup(name, wanted)
        return answer(report.model_dump(mode="json"), 200 if wanted.dry_run else 202)

    return router
