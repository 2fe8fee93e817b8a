"""HTTP routes of lanes and accounts."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import NotFound, Unavailable
from heliograph.contracts.limits import AccountState, ChangeAccount, ChangeLane
from heliograph.contracts.listings import AccountList, LaneList
from heliograph.contracts.queries.scheduler import LaneQueue, LaneState
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE, page
from services.gateway.limits.lanes_accounts import LimitAdmin


class QueueQuery(BaseModel, extra="forbid"):
    """Query of a lane's queue."""

    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of jobs")


def limit_routes(limits: LimitAdmin) -> APIRouter:
    """Routes of lanes and accounts."""
    router = create_router("limits")
    _add_lanes(router, limits)
    _add_accounts(router, limits)
    return router


def _add_lanes(router: APIRouter, limits: LimitAdmin) -> None:
    @router.get(
        "/lanes",
        response_model=LaneList,
        response_description="The lanes",
        responses=problems(Unavailable),
        summary="List lanes: bounded queues with their current state",
    )
    @needs("jobs:read")
    async def list_lanes(principal: CurrentPrincipal) -> Response:
        lanes = await limits.lanes()
        return page(_shown([visible_lane(lane, principal) for lane in lanes]))

    @router.get(
        "/lanes/{name}/queue",
        response_model=LaneQueue,
        response_description="The lane and its next jobs",
        responses=problems(NotFound, Unavailable),
        summary="Lane with its next jobs in the order in which they will run",
    )
    @needs("jobs:read")
    async def get_lane_queue(
        name: str, query: Annotated[QueueQuery, Query()], principal: CurrentPrincipal
    ) -> Response:
        queue = await limits.queue(name, query.limit)
        own = [each for each in queue.items if principal.sees(each.project)]
        return json_response(queue.model_copy(update={"items": own}).model_dump(mode="json"))

    @router.patch(
        "/lanes/{name}",
        response_model=LaneState,
        response_description="The changed lane",
        responses=problems(*OF_A_CHANGE),
        summary="Change the concurrency cap of a lane, or pause it",
    )
    @needs("lanes:write")
    async def change_lane(name: str, body: ChangeLane, principal: CurrentPrincipal) -> Response:
        lane = visible_lane(await limits.change_lane(name, body), principal)
        return json_response(lane.model_dump(mode="json"))


def _add_accounts(router: APIRouter, limits: LimitAdmin) -> None:
    @router.get(
        "/accounts",
        response_model=AccountList,
        response_description="The accounts",
        responses=problems(Unavailable),
        summary="List provider accounts with their use",
    )
    @needs("admin")
    async def list_accounts() -> Response:
        return page(_shown(await limits.accounts()))

    @router.patch(
        "/accounts/{name}",
        response_model=AccountState,
        response_description="The changed account",
        responses=problems(*OF_A_CHANGE),
        summary="Change the concurrency cap of an account",
    )
    @needs("admin")
    async def change_account(name: str, body: ChangeAccount) -> Response:
        return json_response((await limits.change_account(name, body)).model_dump(mode="json"))


def visible_lane(lane: LaneState, principal: Principal) -> LaneState:
    """
    A lane as a principal may see it: its own projects, and how many jobs of others wait.

    Why accounts have no room is for those with `admin`, as accounts are.
    """
    own = [each for each in lane.projects if principal.sees(each.project)]
    others = sum(each.waiting for each in lane.projects) - sum(each.waiting for each in own)
    blocked = lane.blocked if principal.has_scope("admin") else []
    return lane.model_copy(
        update={"projects": own, "waiting_of_others": others, "blocked": blocked}
    )


def _shown(items: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in items]
