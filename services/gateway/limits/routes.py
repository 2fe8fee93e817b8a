"""HTTP routes of lanes and accounts."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.errors import NotFound, Unavailable
from heliograph.contracts.limits import AccountState, ChangeAccount, ChangeLane
from heliograph.contracts.listings import AccountList, LaneList
from heliograph.contracts.queries.scheduler import LaneQueue, LaneState
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import OF_A_CHANGE, page
from services.gateway.limits.lanes_accounts import LimitAdmin


class QueueQuery(BaseModel, extra="forbid"):
    """How much of a queue."""

    limit: int = Field(default=50, ge=1, le=500, description="Jobs, at most")


def limit_routes(limits: LimitAdmin) -> APIRouter:
    """Routes of lanes and accounts."""
    router = create_router("limits")

    @router.get(
        "/lanes",
        response_model=LaneList,
        response_description="Every lane",
        responses=problems(Unavailable),
        summary="The bounded queues, as they are now",
    )
    async def list_lanes() -> Response:
        return page(_shown(await limits.lanes()))

    @router.get(
        "/lanes/{name}/queue",
        response_model=LaneQueue,
        response_description="The lane and its next jobs",
        responses=problems(NotFound, Unavailable),
        summary="The next jobs of a lane, in the order in which they will run",
    )
    async def get_lane_queue(name: str, query: Annotated[QueueQuery, Query()]) -> Response:
        return json_response((await limits.queue(name, query.limit)).model_dump(mode="json"))

    @router.patch(
        "/lanes/{name}",
        response_model=LaneState,
        response_description="The lane as it is now",
        responses=problems(*OF_A_CHANGE),
        summary="Change how much of a lane runs at once, or pause it",
    )
    async def change_lane(name: str, body: ChangeLane) -> Response:
        return json_response((await limits.change_lane(name, body)).model_dump(mode="json"))

    @router.get(
        "/accounts",
        response_model=AccountList,
        response_description="Every account",
        responses=problems(Unavailable),
        summary="Credentials at providers, and how much of them is in use",
    )
    async def list_accounts() -> Response:
        return page(_shown(await limits.accounts()))

    @router.patch(
        "/accounts/{name}",
        response_model=AccountState,
        response_description="The account as it is now",
        responses=problems(*OF_A_CHANGE),
        summary="Change how many requests an account has open at once",
    )
    async def change_account(name: str, body: ChangeAccount) -> Response:
        return json_response((await limits.change_account(name, body)).model_dump(mode="json"))

    return router


def _shown(items: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in items]
