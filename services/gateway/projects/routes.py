"""HTTP routes of project settings."""

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.projects import ChangeProject, ProjectState
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from services.gateway.http import PROBLEMS, Responses, answer, project_name
from services.gateway.projects.settings_store import ProjectSettings

_STATE: Responses = {200: {"model": ProjectState, "description": "The project as it is now"}}


def project_routes(projects: ProjectSettings) -> APIRouter:
    """What people set once, for all jobs to come."""
    router = APIRouter(
        prefix="/v1", tags=["projects"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.get("/projects/{project}", responses=_STATE, summary="A project and its defaults")
    async def get_project(project: str) -> Response:
        state = await projects.read(project_name(project))
        return answer(state.model_dump(mode="json"))

    @router.patch(
        "/projects/{project}",
        responses=_STATE,
        openapi_extra=body_of(ChangeProject),
        summary="Change what a project fills in, and what it keeps",
    )
    async def change_project(project: str, request: Request) -> Response:
        name = project_name(project)
        wanted = await read_body(request, ChangeProject)
        return answer((await projects.change(name, wanted)).model_dump(mode="json"))

    return router
