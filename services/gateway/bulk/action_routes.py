"""HTTP routes of bulk actions."""

from collections import Counter

from fastapi import APIRouter, Depends, Request, Response

from heliograph.contracts.actions import (
    ActionReport,
    ActionRequest,
    CancelPreview,
    RetryPreview,
)
from heliograph.runtime.http.bodies import read_body
from heliograph.runtime.http.openapi import body_of
from heliograph.runtime.http.params import no_query
from heliograph.runtime.job_view import JobPresenter
from services.gateway.bulk.actions import BulkActionResult, BulkActions
from services.gateway.bulk.items import present
from services.gateway.http import PROBLEMS, answer, idempotency_key, project_name


def action_routes(actions: BulkActions, presenter: JobPresenter) -> APIRouter:
    """What changes many jobs at once."""
    router = APIRouter(
        prefix="/v1", tags=["jobs"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.post(
        "/projects/{project}/actions",
        status_code=202,
        responses={
            200: {"model": RetryPreview | CancelPreview, "description": "What it would do"},
            202: {"model": ActionReport, "description": "What became of each job"},
        },
        openapi_extra=body_of(ActionRequest),
        summary="Retry or cancel many jobs, after a look at what it would cost",
    )
    async def act(project: str, request: Request) -> Response:
        where, key = project_name(project), idempotency_key(request)
        wanted = await read_body(request, ActionRequest)
        if wanted.dry_run:
            return answer((await actions.preview(where, wanted)).model_dump(mode="json"))
        return await _answer(await actions.act(where, wanted, key))

    async def _answer(done: BulkActionResult) -> Response:
        plan = done.act.plan
        items = await present(done.items, presenter)
        report = {
            "action": done.act.wanted.action,
            "project": plan.project,
            "counts": Counter(item.outcome for item in done.items),
            "more": plan.more,
            "items": [{"id": job, **item} for job, item in zip(plan.jobs, items, strict=True)],
        }
        headers = {"Idempotency-Replayed": "true"} if done.act.is_replayed else {}
        return answer(report, 202, headers)

    return router
