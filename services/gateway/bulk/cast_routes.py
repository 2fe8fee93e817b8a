"""HTTP routes of cast references."""

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.cast import CastRequest
from heliograph.contracts.ids import PROJECT_PATTERN
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query, path_param
from services.gateway.bulk.cast import CastReferences
from services.gateway.http import PROBLEMS, answer, idempotency_key, project_name
from services.gateway.jobs.routes import present
from services.gateway.jobs.views import JobViews

person_name = path_param(PROJECT_PATTERN)


def cast_routes(pairs: CastReferences, reader: JobViews) -> APIRouter:
    """What makes pairs of jobs."""
    router = APIRouter(
        prefix="/v1", tags=["jobs"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.put(
        "/projects/{project}/cast/{person}/refs",
        status_code=202,
        openapi_extra=body_of(CastRequest),
        summary="Make references of a person, both or one of them",
    )
    async def make_references(project: str, person: str, request: Request) -> Response:
        where, who, key = project_name(project), person_name(person), idempotency_key(request)
        wanted = await read_body(request, CastRequest)
        trace = request.headers.get("traceparent")
        pair = await pairs.ask(where, who, wanted, key, traceparent=trace)
        replayed = all(acceptance.replayed for acceptance in pair.values())
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        shown = {half: await present(reader, acceptance) for half, acceptance in pair.items()}
        return answer({"jobs": shown}, 202, headers)

    return router
