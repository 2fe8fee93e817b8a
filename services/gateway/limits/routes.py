"""HTTP routes of lanes and accounts."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from heliograph.contracts.limits import AccountState, ChangeAccount, ChangeLane
from heliograph.contracts.queries.scheduler import LaneState
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from services.gateway.http import PROBLEMS, answer, page
from services.gateway.limits.lanes_accounts import LimitAdmin


def limit_routes(limits: LimitAdmin) -> APIRouter:
    """What operators watch and turn."""
    router = APIRouter(
        prefix="/v1", tags=["limits"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.get("/lanes", summary="The bounded queues, as they are now")
    async def list_lanes() -> Response:
        return page(_shown(await limits.lanes()))

    @router.patch(
        "/lanes/{name}",
        responses={200: {"model": LaneState, "description": "The lane as it is now"}},
        openapi_extra=body_of(ChangeLane),
        summary="Change how much of a lane runs at once, or pause it",
    )
    async def change_lane(name: str, request: Request) -> Response:
        wanted = await read_body(request, ChangeLane)
        return answer((await limits.change_lane(name, wanted)).model_dump(mode="json"))

    @router.get("/accounts", summary="Credentials at providers, and how much of them is in use")
    async def list_accounts() -> Response:
        return page(_shown(await limits.accounts()))

    @router.patch(
        "/accounts/{name}",
        responses={200: {"model": AccountState, "description": "The account as it is now"}},
        openapi_extra=body_of(ChangeAccount),
        summary="Change how many requests an account has open at once",
    )
    async def change_account(name: str, request: Request) -> Response:
        wanted = await read_body(request, ChangeAccount)
        return answer((await limits.change_account(name, wanted)).model_dump(mode="json"))

    return router


def _shown(items: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json") for item in items]
