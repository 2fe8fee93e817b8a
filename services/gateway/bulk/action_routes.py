"""HTTP routes of bulk actions."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.actions import (
    ActionReport,
    ActionRequest,
    CancelPreview,
    RetryPreview,
)
from heliograph.contracts.errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    TooManyJobs,
    TooManyRequests,
)
from heliograph.contracts.ids import ProjectName
from heliograph.runtime.http.access import CurrentPrincipal, needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from heliograph.runtime.job_view import JobPresenter
from services.gateway.bulk.actions import BulkActions
from services.gateway.bulk.bulk_action import BulkActionResult
from services.gateway.bulk.items import present
from services.gateway.http import OF_A_CHANGE, REPLAYED, IdempotencyKey


def action_routes(actions: BulkActions, presenter: JobPresenter) -> APIRouter:
    """Routes of bulk actions."""
    router = create_router("jobs")

    @router.post(
        "/projects/{project}/actions",
        status_code=202,
        response_model=ActionReport,
        responses={
            200: {
                "model": RetryPreview | CancelPreview,
                "description": "Effect and cost of the action",
            },
            202: {"description": "Result of each job", "headers": REPLAYED},
            **problems(
                *OF_A_CHANGE,
                IdempotencyKeyRequired,
                IdempotencyKeyInvalid,
                IdempotencyKeyReused,
                TooManyJobs,
                TooManyRequests,
            ),
        },
        summary="Retry or cancel many jobs, or preview the cost",
    )
    @needs("jobs:write")
    async def run_action(
        project: ProjectName,
        body: ActionRequest,
        key: IdempotencyKey = None,
        *,
        principal: CurrentPrincipal,
    ) -> Response:
        if body.dry_run:
            return json_response((await actions.preview(project, body)).model_dump(mode="json"))
        result = await actions.act(project, body, key, access_key=principal.id)
        headers = {"Idempotency-Replayed": "true"} if result.act.is_replayed else {}
        return json_response(await _report(result, presenter), 202, headers)

    return router


async def _report(result: BulkActionResult, presenter: JobPresenter) -> dict[str, Any]:
    plan = result.act.plan
    items = await present(result.items, presenter)
    return {
        "action": result.act.request.action,
        "project": plan.project,
        "counts": Counter(item.outcome for item in result.items),
        "more": plan.more,
        "items": [{"id": job, **item} for job, item in zip(plan.jobs, items, strict=True)],
    }
