"""HTTP routes of tickets for live connections."""

from fastapi import APIRouter, Response

from heliograph.contracts.errors import QueueFull
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.tickets import LiveTicket, TicketRequest
from heliograph.runtime.access.tickets import TicketStore
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router


def ticket_routes(tickets: TicketStore) -> APIRouter:
    """Routes of tickets."""
    router = create_router("live")

    @router.post(
        "/projects/{project}/tickets",
        status_code=201,
        response_model=LiveTicket,
        response_description="The ticket",
        responses=problems(*OF_A_BODY, QueueFull),
        summary="Create a ticket for one live connection of a browser, valid for 30 seconds",
    )
    @needs("jobs:read", names_jobs=True)
    async def create_ticket(
        project: ProjectName, body: TicketRequest, principal: CurrentPrincipal
    ) -> Response:
        ticket = await tickets.issue(project, body, principal)
        headers = {"Cache-Control": "no-store"}
        return json_response(ticket.model_dump(mode="json"), 201, headers)

    return router
