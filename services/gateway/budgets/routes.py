"""HTTP routes of budgets."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from heliograph.contracts.budgets.state import BudgetState, SetBudget
from heliograph.contracts.errors import StateConflict, TooManyProjects
from heliograph.contracts.ids import ProjectName, UserName
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.budgets.service import BudgetService
from services.gateway.http import OF_A_CHANGE, OF_A_READ


class BudgetQuery(BaseModel, extra="forbid"):
    """Which part of a budget."""

    user: UserName | None = Field(
        default=None,
        description="Shows the budget of this user as well",
        examples=["user-42"],
    )


def budget_routes(budgets: BudgetService) -> APIRouter:
    """Budgets of projects."""
    router = create_router("projects")

    @router.get(
        "/projects/{project}/budget",
        response_model=BudgetState,
        response_description="The budget",
        responses=problems(*OF_A_READ),
        summary="Budget of a project: limits, spending and holds of open jobs",
    )
    @needs("usage:read")
    async def get_budget(project: ProjectName, query: Annotated[BudgetQuery, Query()]) -> Response:
        return json_response((await budgets.read(project, query.user)).model_dump(mode="json"))

    @router.put(
        "/projects/{project}/budget",
        response_model=BudgetState,
        response_description="The budget",
        responses=problems(*OF_A_CHANGE, StateConflict, TooManyProjects),
        summary="Set the budget of a project; a body without limits removes it",
    )
    @needs("admin")
    async def set_budget(project: ProjectName, body: SetBudget) -> Response:
        return json_response((await budgets.set(project, body)).model_dump(mode="json"))

    return router
