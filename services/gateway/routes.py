"""HTTP of jobs: what can be asked, and how the answers look."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from heliograph.contracts.errors import IdempotencyKeyInvalid
from heliograph.contracts.names import JOB_PATTERN, PROJECT_PATTERN, keyed_job_id, new_job_id
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries import ListJobs
from heliograph.contracts.records import Job, Record, Status
from heliograph.contracts.registry import Registry
from heliograph.contracts.requests import CancelRequest, JobRequest, RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.presenting import as_json
from heliograph.runtime.web import named, no_query, read_body, read_query
from services.gateway.accepting import Acceptance, Acceptor, Order
from services.gateway.canceling import Canceler, charged_if_canceled, read_job
from services.gateway.drafting import Caller, draft, is_same_body
from services.gateway.filling import Gauge
from services.gateway.reading import Reader
from services.gateway.references import References
from services.gateway.retrying import retry_digest, retry_in_place, retry_record

_TRACEPARENT = 55  #: characters of a W3C traceparent

project_name = named(PROJECT_PATTERN)
job_name = named(JOB_PATTERN)

PROBLEM: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What is wrong with the request"},
    "5XX": {"model": Problem, "description": "What does not work right now"},
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    200: {"model": Job, "description": "The same was asked before; this is its job"},
    202: {"model": Job, "description": "Durable: it will end in exactly one final state"},
}


class JobsQuery(BaseModel, extra="forbid"):
    """Filters of a list of jobs."""

    status: Status | None = None
    kind: str | None = None
    model: str | None = None
    slot: str | None = None
    user: str | None = None
    tag: dict[str, str] = {}
    param: dict[str, str] = {}
    q: str | None = Field(default=None, min_length=1, max_length=256)
    created_after: AwareDatetime | None = None
    created_before: AwareDatetime | None = None
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=50, ge=1, le=200)


class EventsQuery(BaseModel, extra="forbid"):
    after: int = Field(default=0, ge=0, lt=2**63)


def _schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that reads it with its own care, for the documentation."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"content": content, "required": True}}


def _answer(job: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(as_json(job), status, headers, media_type="application/json")


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises IdempotencyKeyInvalid."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    [key] = keys if len(keys) == 1 else [""]
    if not 1 <= len(key) <= 255 or not all(0x21 <= ord(c) <= 0x7E for c in key):
        raise IdempotencyKeyInvalid
    return key


def _caller(request: Request, project: str) -> Caller:
    key = idempotency_key(request)
    trace = request.headers.get("traceparent", "")
    return Caller(
        project=project,
        job=keyed_job_id(project, key) if key else new_job_id(),
        key=key,
        traceparent=trace if len(trace) == _TRACEPARENT else None,
    )


def job_routes(
    registry: Registry,
    events: EventLog,
    work: WorkQueue,
    acceptor: Acceptor,
    canceler: Canceler,
    reader: Reader,
    references: References,
    gauge: Gauge,
) -> APIRouter:
    """Everything about jobs."""
    router = APIRouter(prefix="/v1", tags=["jobs"], responses=PROBLEM)
    plain = [Depends(no_query)]

    async def accept(order: Order) -> Response:
        acceptance = await acceptor.accept(order)
        return _answer(
            await _present(acceptance),
            200 if acceptance.deduplicated else 202,
            _acceptance_headers(acceptance),
        )

    async def _present(acceptance: Acceptance) -> dict[str, Any]:
        job, sequence = acceptance.job, acceptance.entry.sequence
        fresh = not (acceptance.replayed or acceptance.deduplicated)
        shown = await (reader.bare(job, sequence) if fresh else reader.present(job, sequence))
        return {**shown, "deduplicated": acceptance.deduplicated}

    @router.post(
        "/projects/{project}/jobs",
        status_code=202,
        responses=_ACCEPTED,
        dependencies=plain,
        openapi_extra=_schema(JobRequest),
        summary="Ask for a picture, a video or a text",
    )
    async def create_job(project: str, request: Request) -> Response:
        caller = _caller(request, project_name(project))
        wanted = await read_body(request, JobRequest)

        async def first_record() -> Record:
            gauge.check()
            record = draft(wanted, caller, registry, datetime.now(UTC))
            await references.check(caller.project, wanted)
            return record

        return await accept(
            Order(
                job=caller.job,
                keyed=caller.key is not None,
                is_same=partial(is_same_body, wanted),
                draft=first_record,
            )
        )

    @router.get("/projects/{project}/jobs", summary="Jobs of a project, newest first")
    async def list_jobs(project: str, request: Request) -> Response:
        asked = read_query(request, JobsQuery, prefixes=("tag", "param"))
        query = ListJobs(
            project=project_name(project),
            tags=asked.tag,
            parameters=asked.param,
            **asked.model_dump(exclude={"tag", "param"}),
        )
        page = await reader.jobs(query)
        headers = {}
        if page["next"]:
            following = request.url.include_query_params(cursor=page["next"])
            headers["Link"] = f'<{following}>; rel="next"'
        return _answer(page, 200, headers)

    @router.get(
        "/jobs/{job}",
        responses={200: {"model": Job}},
        dependencies=plain,
        summary="A job as it is now",
    )
    async def get_job(job: str) -> Response:
        return _answer(await reader.job(job_name(job)), 200)

    @router.get("/jobs/{job}/events", summary="What happened to a job, in order")
    async def list_events(job: str, request: Request) -> Response:
        after = read_query(request, EventsQuery).after
        return _answer(await reader.history(job_name(job), after), 200)

    @router.get(
        "/jobs/{job}/attempts",
        dependencies=plain,
        summary="What was sent to the provider, when, and for how much",
    )
    async def list_attempts(job: str) -> Response:
        return _answer({"items": await reader.attempts(job_name(job)), "next": None}, 200)

    @router.post(
        "/jobs/{job}/cancel",
        status_code=202,
        responses=_ACCEPTED,
        dependencies=plain,
        openapi_extra=_schema(CancelRequest),
        summary="Stop a job, or take it out of its slot",
    )
    async def cancel_job(job: str, request: Request) -> Response:
        name = job_name(job)
        mode = (await read_body(request, CancelRequest)).mode
        entry, changed = await canceler.cancel(name, mode)
        shown = await reader.present(entry.record, entry.sequence)
        return _answer(shown, 202 if changed else 200)

    @router.get("/jobs/{job}/cancel", dependencies=plain, summary="What canceling now would mean")
    async def preview_cancel(job: str) -> Response:
        _, record = await read_job(events, job_name(job))
        return _answer({"charged": charged_if_canceled(record)}, 200)

    @router.post(
        "/jobs/{job}/retry",
        status_code=202,
        responses=_ACCEPTED,
        dependencies=plain,
        openapi_extra=_schema(RetryRequest),
        summary="Try again, from the cheapest step that can work",
    )
    async def retry_job(job: str, request: Request) -> Response:
        name = job_name(job)
        asked = await read_body(request, RetryRequest)
        key = idempotency_key(request)
        in_place = await retry_in_place(events, work, name, key, asked)
        if in_place:
            entry, replayed = in_place
            headers = {"Idempotency-Replayed": "true"} if replayed else {}
            return _answer(await reader.present(entry.record, entry.sequence), 202, headers)
        _, old = await read_job(events, name)
        caller = _caller(request, old.project)
        body = retry_digest(old, asked)

        async def first_record() -> Record:
            gauge.check()
            return retry_record(old, asked, caller, registry)

        return await accept(
            Order(
                job=caller.job,
                keyed=caller.key is not None,
                is_same=lambda digest, _: digest == body,
                draft=first_record,
            )
        )

    return router


def _acceptance_headers(acceptance: Acceptance) -> dict[str, str]:
    headers = {"Location": f"/v1/jobs/{acceptance.job.id}"}
    if acceptance.replayed:
        headers["Idempotency-Replayed"] = "true"
    return headers
