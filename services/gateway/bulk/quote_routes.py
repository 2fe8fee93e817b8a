"""HTTP routes of quotes."""

from fastapi import APIRouter, Response

from heliograph.contracts.batches import BatchProblem
from heliograph.contracts.errors import (
    ModelLocked,
    ModelUnavailable,
    OverMaxCost,
    PriceUnknown,
    UnknownKind,
    UnknownModel,
)
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.problems import Problem
from heliograph.contracts.quotes import QuoteList, QuoteRequest
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.access.end_users import of_user
from services.gateway.bulk.quotes import QuoteService
from services.gateway.http import OF_A_CHANGE

#: what a request may be refused with whose price is asked for
_OF_A_QUOTE = (
    *(*OF_A_CHANGE, UnknownKind, UnknownModel, PriceUnknown),
    *(OverMaxCost, ModelLocked, ModelUnavailable),
)


def quote_routes(quotes: QuoteService) -> APIRouter:
    """Routes of quotes."""
    router = create_router("quotes")

    @router.post(
        "/projects/{project}/quotes",
        response_model=QuoteList,
        response_description="Prices of the requests; the quotes are valid for ten minutes",
        responses=problems(*_OF_A_QUOTE, model=BatchProblem | Problem),
        summary="Price and estimated start of up to 500 requests",
    )
    @needs("jobs:write")
    async def create_quotes(
        project: ProjectName, body: QuoteRequest, principal: CurrentPrincipal
    ) -> Response:
        jobs = [of_user(job, principal, f"/jobs/{n}") for n, job in enumerate(body.jobs)]
        quoted = await quotes.quote(project, body.model_copy(update={"jobs": jobs}))
        return json_response(quoted.model_dump(mode="json"))

    return router
