"""HTTP routes of slots and their versions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.errors import OutputGone
from heliograph.contracts.ids import ProjectName, SlotName
from heliograph.contracts.listings import SlotList, SlotVersions
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from heliograph.contracts.slots import RestoreRequest
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.cursors import MAX_CURSOR, ListCursors
from services.gateway.http import OF_A_CHANGE, OF_A_READ
from services.gateway.slots.versions import SlotService

_PART_OF_A_NAME = r"^[A-Za-z0-9_/-]*$"


class SlotsQuery(BaseModel, extra="forbid"):
    """Which slots."""

    prefix: str = Field(
        default="",
        max_length=519,
        pattern=_PART_OF_A_NAME,
        description="Prefix of slot names",
        examples=["portrait/"],
    )
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next` of the previous page"
    )
    limit: int = Field(default=200, ge=1, le=200, description="Slots in a page")


class VersionsQuery(BaseModel, extra="forbid"):
    """Which versions of a slot."""

    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="`next` of the previous page"
    )
    limit: int = Field(default=200, ge=1, le=200, description="Versions in a page")


def slot_routes(versions: SlotService) -> APIRouter:
    """Slot routes."""
    router = create_router("slots")

    @router.get(
        "/projects/{project}/slots",
        response_model=SlotList,
        response_description="A page of slots",
        responses=problems(*OF_A_READ),
        summary="List slots of a project, by name",
    )
    @needs("jobs:read")
    async def list_slots(project: ProjectName, query: Annotated[SlotsQuery, Query()]) -> Response:
        cursors = ListCursors("slots", {"project": project, "prefix": query.prefix})
        fields = {**query.model_dump(), "cursor": cursors.position(query.cursor)}
        page = await versions.page(ListSlots(project=project, **fields))
        return json_response({**page, "next": cursors.after(page["next"])})

    @router.get(
        "/projects/{project}/slots/{slot:path}",
        response_model=SlotVersions,
        response_description="The slot with a page of its versions",
        responses=problems(*OF_A_READ),
        summary="Slot with its versions",
    )
    @needs("jobs:read")
    async def get_slot(
        project: ProjectName, slot: SlotName, query: Annotated[VersionsQuery, Query()]
    ) -> Response:
        cursors = ListCursors("versions", {"project": project, "slot": slot})
        after = int(cursors.position(query.cursor) or 0)
        page = await versions.slot(
            GetSlot(project=project, slot=slot, after=after, limit=query.limit)
        )
        return json_response({**page, "next": cursors.after(page["next"])})

    @router.post(
        "/projects/{project}/restore",
        response_model=SlotVersions,
        response_description="The slot with the changed current version",
        responses=problems(*OF_A_CHANGE, OutputGone),
        summary="Make an older version of a slot current",
    )
    @needs("jobs:write")
    async def restore_version(project: ProjectName, body: RestoreRequest) -> Response:
        return json_response(await versions.restore(project, body))

    return router
