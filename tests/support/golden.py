"""
The published shapes, as documents that are kept in `tests/contract/golden`: each shape once, among
the schemas, and by reference wherever else it is.

`make golden` writes them anew; what then differs is a change to the public contract.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from heliograph.contracts.actions import (
    ActionReport,
    ActionRequest,
    CancelPreview,
    RetryPreview,
)
from heliograph.contracts.asyncapi import asyncapi
from heliograph.contracts.batches import Batch, BatchProblem, BatchRequest
from heliograph.contracts.budgets.messages import ThresholdReached
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.state import BudgetState, SetBudget
from heliograph.contracts.cloudevents import EventEnvelope, event_type
from heliograph.contracts.jobs import Job
from heliograph.contracts.key_records import CreatedKey, CreateKey, KeyRecord, RotateKey
from heliograph.contracts.live_asyncapi import live_asyncapi
from heliograph.contracts.live_frames import ClientFrame, ServerFrame
from heliograph.contracts.problems import Problem
from heliograph.contracts.progress import LatestProgress, ProgressReport
from heliograph.contracts.projects import ChangeProject, ProjectState
from heliograph.contracts.queries.jobs import JobPage, ListJobs
from heliograph.contracts.queries.scheduler import ForecastPositions, LaneStates, Position
from heliograph.contracts.queries.usage import GetUsage, UsagePage
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.quotes import QuoteList, QuoteRequest
from heliograph.contracts.records import Marker, Record
from heliograph.contracts.requests import CancelRequest, JobRequest
from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.contracts.scenes import Story
from heliograph.contracts.sessions import Session, SessionRecord, SignIn
from heliograph.contracts.sim import SimRecord
from heliograph.contracts.state_machine.transitions import TRANSITIONS
from heliograph.contracts.tickets import LiveTicket, TicketRequest
from heliograph.contracts.tolerant_reader import TolerantJsonSchema
from heliograph.contracts.usage import UsageReport
from heliograph.runtime.settings import ServiceSettings
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import GatewaySettings
from services.status.app import create_app as create_status
from services.status.settings import StatusSettings
from services.storage.app import create_app as create_storage
from services.storage.settings import StorageSettings
from tests.support.records import a_record

FOLDER = Path(__file__).parent.parent / "contract" / "golden"


_WRITTEN: JsonSchemaMode = "serialization"
_READ: JsonSchemaMode = "validation"

Shapes = dict[str, tuple[Any, JsonSchemaMode]]

#: by name: what clients send and are answered
AT_THE_EDGE: Shapes = {
    "job": (Job, _WRITTEN),
    "problem": (Problem, _WRITTEN),
    "job-request": (JobRequest, _READ),
    "batch-request": (BatchRequest, _READ),
    "batch": (Batch, _WRITTEN),
    "batch-problem": (BatchProblem, _WRITTEN),
    "action-request": (ActionRequest, _READ),
    "action-report": (ActionReport, _WRITTEN),
    "retry-preview": (RetryPreview, _WRITTEN),
    "cancel-preview": (CancelPreview, _WRITTEN),
    "set-budget": (SetBudget, _READ),
    "budget": (BudgetState, _WRITTEN),
    "change-project": (ChangeProject, _READ),
    "project": (ProjectState, _WRITTEN),
    "cancel-request": (CancelRequest, _READ),
    "retry-request": (RetryRequest, _READ),
    "create-key": (CreateKey, _READ),
    "rotate-key": (RotateKey, _READ),
    "created-key": (CreatedKey, _WRITTEN),
    "ticket-request": (TicketRequest, _READ),
    "live-ticket": (LiveTicket, _WRITTEN),
    "sign-in": (SignIn, _READ),
    "session": (Session, _WRITTEN),
    "client-frame": (ClientFrame, _READ),
    "server-frame": (ServerFrame, _WRITTEN),
    "list-jobs": (ListJobs, _READ),
    "usage-report": (UsageReport, _WRITTEN),
    "quote-request": (QuoteRequest, _READ),
    "quote-list": (QuoteList, _WRITTEN),
    "cleanup-request": (CleanupRequest, _READ),
    "cleanup-report": (CleanupReport, _WRITTEN),
}
#: by name: what lies in the log or travels between services, and may be of an earlier release
INSIDE: Shapes = {
    "record": (Record, _WRITTEN),
    "marker": (Marker, _WRITTEN),
    "progress-report": (ProgressReport, _WRITTEN),
    "latest-progress": (LatestProgress, _WRITTEN),
    "position": (Position, _WRITTEN),
    "job-page": (JobPage, _WRITTEN),
    "forecast-positions": (ForecastPositions, _WRITTEN),
    "get-usage": (GetUsage, _WRITTEN),
    "usage-page": (UsagePage, _WRITTEN),
    "lane-states": (LaneStates, _WRITTEN),
    "ticket": (Ticket, _WRITTEN),
    "story": (Story, _WRITTEN),
    "sim-record": (SimRecord, _WRITTEN),
    "key-record": (KeyRecord, _WRITTEN),
    "session-record": (SessionRecord, _WRITTEN),
    "budget-record": (BudgetRecord, _WRITTEN),
    "threshold-reached": (ThresholdReached, _WRITTEN),
}


def _schemas(shapes: Shapes, generator: type[GenerateJsonSchema]) -> dict[str, Any]:
    """All shapes in one JSON Schema: what several of them have in common is written once."""
    adapters = [(name, mode, TypeAdapter(shape)) for name, (shape, mode) in shapes.items()]
    schemas, definitions = TypeAdapter.json_schemas(adapters, schema_generator=generator)
    return {"properties": {name: schema for (name, _), schema in schemas.items()}, **definitions}


SCHEMAS = {
    "schemas": partial(_schemas, AT_THE_EDGE, GenerateJsonSchema),
    "schemas-inside": partial(_schemas, INSIDE, TolerantJsonSchema),
}


def _by_reference(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A document with references in place of shapes that are among the schemas."""
    document = make()
    own: dict[str, Any] = document["components"]["schemas"]
    for file, schemas in SCHEMAS.items():
        shared = schemas()["$defs"]
        for name, schema in own.items():
            text = json.dumps(schema).replace("#/components/schemas/", "#/$defs/")
            if json.loads(text) == shared.get(name):
                own[name] = {"$ref": f"{file}.json#/$defs/{name}"}
    return document


def _event() -> dict[str, Any]:
    """The CloudEvents headers of every event, by an example of each sort of body."""
    job = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    record = a_record(project="demo", job=job)
    traced = {"correlation_id": "c-1", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    internal = record.internal.model_copy(update=traced)
    return {
        "types": [event_type(name) for name in ("accepted", "deduplicated", *TRANSITIONS)],
        "headers": {
            "record": _headers(record),
            "traced record": _headers(record.model_copy(update={"internal": internal})),
            "marker": _headers(
                Marker(id=job, project="demo", marker="deduplicated", answer=job),
            ),
        },
    }


def _headers(body: Record | Marker) -> dict[str, str]:
    return EventEnvelope(
        id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        name="accepted",
        source="heliograph/gateway",
        at=datetime(2030, 1, 2, 3, 4, 5, 678_901, UTC),
        body=body,
    ).headers()


def _openapi(create: Callable[[Any], FastAPI], settings: type[ServiceSettings]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        return create(settings(_env_file=None, home=Path(home), auth="keys")).openapi()


#: by service: its whole document, as it is served where requests need keys
OPENAPI: dict[str, Callable[[], dict[str, Any]]] = {
    "gateway": partial(_openapi, create_gateway, GatewaySettings),
    "status": partial(_openapi, create_status, StatusSettings),
    "storage": partial(_openapi, create_storage, StorageSettings),
}

PUBLISHED: dict[str, Callable[[], Any]] = {
    **SCHEMAS,
    "event": _event,
    "asyncapi": partial(_by_reference, partial(asyncapi, "127.0.0.1:4222")),
    "live-asyncapi": partial(_by_reference, partial(live_asyncapi, "127.0.0.1:8081", secure=False)),
    **{f"{name}-openapi": partial(_by_reference, make) for name, make in OPENAPI.items()},
}  #: by name: how the document is made


def file_of(name: str) -> Path:
    """Where a document is kept."""
    return FOLDER / f"{name}.json"


def write() -> None:
    """Write every document anew, and remove those that are published no more."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.json"):
        if file.stem not in PUBLISHED:
            file.unlink()
    for name, make in PUBLISHED.items():
        text = json.dumps(make(), indent=2, ensure_ascii=False)
        file_of(name).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{len(PUBLISHED)} documents in {FOLDER}\n")
