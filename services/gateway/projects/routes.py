"""HTTP routes of project settings."""

from fastapi import APIRouter, Response

from heliograph.contracts.errors import TooManyProjects, UnknownKind, UnknownModel
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.projects import ChangeProject, ProjectState
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE, OF_A_READ
from services.gateway.projects.settings_store import ProjectSettings


def project_routes(projects: ProjectSettings) -> APIRouter:
    """Project settings."""
    router = create_router("projects")

    @router.get(
        "/projects/{project}",
        response_model=ProjectState,
        response_description="The project as it is now",
        responses=problems(*OF_A_READ),
        summary="A project and its defaults",
    )
    async def get_project(project: ProjectName) -> Response:
        return json_response((await projects.read(project)).model_dump(mode="json"))

    @router.patch(
        "/projects/{project}",
        response_model=ProjectState,
        response_description="The project as it is now",
        responses=problems(*OF_A_CHANGE, TooManyProjects, UnknownKind, UnknownModel),
        summary="Change what a project fills in, and what it keeps",
    )
    async def change_project(project: ProjectName, body: ChangeProject) -> Response:
        return json_response((await projects.change(project, body)).model_dump(mode="json"))

    return router
