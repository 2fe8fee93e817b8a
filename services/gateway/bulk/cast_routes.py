"""HTTP routes of cast references."""

from fastapi import APIRouter, Response

from heliograph.contracts.cast import CastRequest
from heliograph.contracts.ids import Label, ProjectName
from heliograph.contracts.listings import CastJobs
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.access.end_users import reject_users
from services.gateway.bulk.cast import CastReferences
from services.gateway.http import OF_A_JOB, REPLAYED, IdempotencyKey, TraceParent
from services.gateway.jobs.routes import present
from services.gateway.jobs.views import JobViews


def cast_routes(cast: CastReferences, views: JobViews) -> APIRouter:
    """Routes of cast references."""
    router = create_router("jobs")

    @router.put(
        "/projects/{project}/cast/{person}/refs",
        status_code=202,
        response_model=CastJobs,
        responses={
            202: {"description": "The job of each reference", "headers": REPLAYED},
            **problems(*OF_A_JOB),
        },
        summary="Produce one or both references of a person",
    )
    @needs("jobs:write")
    async def make_references(
        project: ProjectName,
        person: Label,
        body: CastRequest,
        key: IdempotencyKey = None,
        traceparent: TraceParent = None,
        *,
        principal: CurrentPrincipal,
    ) -> Response:
        reject_users(principal)
        pair = await cast.ask(
            project, person, body, key, traceparent=traceparent, access_key=principal.id
        )
        replayed = all(accepted.replayed for accepted in pair.values())
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        shown = {half: await present(views, accepted) for half, accepted in pair.items()}
        return json_response({"jobs": shown}, 202, headers)

    return router
