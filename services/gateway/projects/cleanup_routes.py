"""HTTP routes of cleanup."""

from fastapi import APIRouter, Response

from heliograph.contracts.errors import UnknownKind
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE
from services.gateway.projects.cleanup import CleanupRequests


def cleanup_routes(cleanups: CleanupRequests) -> APIRouter:
    """Cleanup routes."""
    router = create_router("projects")

    @router.post(
        "/projects/{project}/cleanup",
        status_code=202,
        response_model=CleanupReport,
        response_description="Jobs that are being pruned",
        responses={
            200: {"model": CleanupReport, "description": "Jobs that would be pruned"},
            **problems(*OF_A_CHANGE, UnknownKind),
        },
        summary="Prune the jobs that the project's rules do not keep, or preview them",
    )
    @needs("projects:write")
    async def clean_project(project: ProjectName, body: CleanupRequest) -> Response:
        report = await cleanups.request_cleanup(project, body)
        return json_response(report.model_dump(mode="json"), 200 if body.dry_run else 202)

    return router
