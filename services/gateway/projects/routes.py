"""HTTP routes of projects and their settings."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.errors import TooManyProjects, Unavailable, UnknownKind, UnknownModel
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.listings import ProjectList
from heliograph.contracts.projects import ChangeProject, ProjectState
from heliograph.contracts.queries.projects import ListProjects
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE, OF_A_READ
from services.gateway.projects.settings_store import ProjectSettings


class ProjectsQuery(BaseModel, extra="forbid"):
    """Which part of the projects."""

    cursor: ProjectName | None = Field(default=None, description="`next` of the previous page")
    limit: int = Field(default=50, ge=1, le=200, description="Projects in a page")


def project_routes(projects: ProjectSettings, request: RequestReply) -> APIRouter:
    """Projects and their settings."""
    router = create_router("projects")

    @router.get(
        "/projects",
        response_model=ProjectList,
        response_description="A page of projects",
        responses=problems(Unavailable),
        summary="List projects that have jobs, by name",
    )
    @needs("jobs:read")
    async def list_projects(
        query: Annotated[ProjectsQuery, Query()], principal: CurrentPrincipal
    ) -> Response:
        own = None if principal.projects is None else sorted(principal.projects)
        page = await request(ListProjects(projects=own, cursor=query.cursor, limit=query.limit))
        return json_response(page.model_dump(mode="json"))

    @router.get(
        "/projects/{project}",
        response_model=ProjectState,
        response_description="The project",
        responses=problems(*OF_A_READ),
        summary="Project with its settings",
    )
    @needs("jobs:read")
    async def get_project(project: ProjectName) -> Response:
        return json_response((await projects.read(project)).model_dump(mode="json"))

    @router.patch(
        "/projects/{project}",
        response_model=ProjectState,
        response_description="The project",
        responses=problems(*OF_A_CHANGE, TooManyProjects, UnknownKind, UnknownModel),
        summary="Change the defaults, retention rules and quotas of a project",
    )
    @needs("projects:write")
    async def change_project(project: ProjectName, body: ChangeProject) -> Response:
        return json_response((await projects.change(project, body)).model_dump(mode="json"))

    return router
