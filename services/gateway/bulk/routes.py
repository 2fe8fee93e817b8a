"""HTTP routes of batches."""

from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.batches import Batch, BatchProblem, BatchRequest
from heliograph.contracts.ids import BatchId, ProjectName
from heliograph.contracts.problems import Problem
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from heliograph.runtime.job_view import JobPresenter
from services.gateway.access.end_users import of_user
from services.gateway.bulk.batch_result import BatchResult
from services.gateway.bulk.batches import BatchService
from services.gateway.bulk.items import present
from services.gateway.http import (
    LOCATION,
    OF_A_JOB,
    OF_A_READ,
    REPLAYED,
    IdempotencyKey,
    TraceParent,
)


def batch_routes(batches: BatchService, presenter: JobPresenter, gateway_url: str) -> APIRouter:
    """Routes of batches."""
    router = create_router("batches")

    @router.post(
        "/projects/{project}/batches",
        status_code=202,
        response_model=Batch,
        responses={
            202: {
                "description": "Result of each request",
                "headers": {**LOCATION, **REPLAYED},
            },
            **problems(*OF_A_JOB, model=BatchProblem | Problem),
        },
        summary="Submit up to 500 jobs, all or none",
    )
    @needs("jobs:write")
    async def create_batch(
        project: ProjectName,
        body: BatchRequest,
        key: IdempotencyKey = None,
        traceparent: TraceParent = None,
        *,
        principal: CurrentPrincipal,
    ) -> Response:
        jobs = [of_user(job, principal, f"/jobs/{n}") for n, job in enumerate(body.jobs)]
        body = body.model_copy(update={"jobs": jobs}) if principal.user else body
        result = await batches.submit(
            project, body, key, traceparent=traceparent, access_key=principal.id
        )
        headers = {"Location": f"{gateway_url}/v1/batches/{result.id}"}
        if key and result.is_replayed:
            headers["Idempotency-Replayed"] = "true"
        return json_response(await _shown(result, presenter), 202, headers)

    @router.get(
        "/batches/{batch}",
        response_model=Batch,
        response_description="The batch",
        responses=problems(*OF_A_READ),
        summary="Batch with its jobs",
    )
    @needs("jobs:read")
    async def get_batch(batch: BatchId) -> Response:
        return json_response(await _shown(await batches.read(batch), presenter))

    return router


async def _shown(result: BatchResult, presenter: JobPresenter) -> dict[str, Any]:
    return {
        "id": result.id,
        "project": result.project,
        "counts": result.counts,
        "cost": result.cost and result.cost.model_dump(mode="json"),
        "items": await present(result.items, presenter),
    }
