"""HTTP routes of slots and their versions."""

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from heliograph.contracts.queries.read_model import GetSlot, ListSlots
from heliograph.contracts.slots import RestoreRequest
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of, query_of
from heliograph.runtime.http.params import no_query, read_query
from services.gateway.http import PROBLEMS, answer, project_name, slot_name
from services.gateway.slots.versions import SlotService

_PART_OF_A_NAME = r"^[A-Za-z0-9_/-]*$"


class SlotsQuery(BaseModel, extra="forbid"):
    """Which slots."""

    prefix: str = Field(default="", max_length=519, pattern=_PART_OF_A_NAME)
    cursor: str | None = Field(default=None, max_length=519, pattern=_PART_OF_A_NAME)
    limit: int = Field(default=200, ge=1, le=200)


class VersionsQuery(BaseModel, extra="forbid"):
    """Which versions of a slot."""

    cursor: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=200, ge=1, le=200)


def slot_routes(versions: SlotService) -> APIRouter:
    """What a page of pictures is drawn from."""
    router = APIRouter(prefix="/v1", tags=["slots"], responses=PROBLEMS)

    @router.get(
        "/projects/{project}/slots",
        openapi_extra=query_of(SlotsQuery),
        summary="Slots of a project, by name",
    )
    async def list_slots(project: str, request: Request) -> Response:
        asked = read_query(request, SlotsQuery)
        query = ListSlots(project=project_name(project), **asked.model_dump())
        return answer(await versions.page(query))

    @router.get(
        "/projects/{project}/slots/{slot:path}",
        openapi_extra=query_of(VersionsQuery),
        summary="A slot with its versions",
    )
    async def get_slot(project: str, slot: str, request: Request) -> Response:
        asked = read_query(request, VersionsQuery)
        query = GetSlot(
            project=project_name(project),
            slot=slot_name(slot),
            after=asked.cursor,
            limit=asked.limit,
        )
        return answer(await versions.slot(query))

    @router.post(
        "/projects/{project}/restore",
        dependencies=[Depends(no_query)],
        openapi_extra=body_of(RestoreRequest),
        summary="Make an older version of a slot current",
    )
    async def restore(project: str, request: Request) -> Response:
        name = project_name(project)
        wanted = await read_body(request, RestoreRequest)
        return answer(await versions.restore(name, wanted))

    return router
