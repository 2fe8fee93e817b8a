"""HTTP routes of batches."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.batches import Batch, BatchProblem, BatchRequest
from heliograph.contracts.ids import BATCH_PATTERN
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query, path_param
from heliograph.runtime.job_view import JobPresenter
from services.gateway.bulk.batches import BatchResult, BatchService
from services.gateway.bulk.items import present
from services.gateway.http import PROBLEMS, answer, idempotency_key, project_name

batch_name = path_param(BATCH_PATTERN)


def batch_routes(batches: BatchService, presenter: JobPresenter) -> APIRouter:
    """What makes many jobs at once."""
    router = APIRouter(
        prefix="/v1", tags=["batches"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.post(
        "/projects/{project}/batches",
        status_code=202,
        responses={
            202: {"model": Batch, "description": "What became of each request"},
            "4XX": {"model": BatchProblem, "description": "Nothing was made; which are wrong"},
        },
        openapi_extra=body_of(BatchRequest),
        summary="Ask for up to 500 jobs, all or none",
    )
    async def create_batch(project: str, request: Request) -> Response:
        where, key = project_name(project), idempotency_key(request)
        wanted = await read_body(request, BatchRequest)
        trace = request.headers.get("traceparent")
        result = await batches.submit(where, wanted, key, traceparent=trace)
        headers = {"Location": f"/v1/batches/{result.id}"}
        if key and result.is_replayed:
            headers["Idempotency-Replayed"] = "true"
        return answer(await _shown(result), 202, headers)

    @router.get(
        "/batches/{batch}",
        responses={200: {"model": Batch}},
        summary="A batch, with its jobs as they are now",
    )
    async def get_batch(batch: str) -> Response:
        return answer(await _shown(await batches.read(batch_name(batch))))

    async def _shown(result: BatchResult) -> dict[str, Any]:
        return {
            "id": result.id,
            "project": result.project,
            "counts": result.counts,
            "items": await present(result.items, presenter),
        }

    return router
