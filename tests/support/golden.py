"""
The published shapes, as documents that are kept in `tests/contract/golden`.

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
from heliograph.contracts.cloudevents import EventEnvelope, event_type
from heliograph.contracts.live_asyncapi import live_asyncapi
from heliograph.contracts.live_frames import ClientFrame, ServerFrame
from heliograph.contracts.problems import Problem
from heliograph.contracts.progress import LatestProgress, ProgressReport
from heliograph.contracts.projects import ChangeProject, ProjectState
from heliograph.contracts.queries.read_model import JobPage, ListJobs
from heliograph.contracts.queries.scheduler import LaneStates, Position
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.records import Job, Marker, Record
from heliograph.contracts.requests import CancelRequest, JobRequest, RetryRequest
from heliograph.contracts.retention import CleanupReport, CleanupRequest
from heliograph.contracts.scenes import Story
from heliograph.contracts.sim import SimRecord
from heliograph.contracts.state_machine import TRANSITIONS
from heliograph.contracts.tolerant_reader import TolerantJsonSchema
from heliograph.runtime.settings import ServiceSettings
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import GatewaySettings
from services.status.app import create_app as create_status
from services.status.settings import StatusSettings
from services.storage.app import create_app as create_storage
from services.storage.settings import StorageSettings
from tests.support.records import a_record

FOLDER = Path(__file__).parent.parent / "contract" / "golden"


def _schema(shape: Any, mode: JsonSchemaMode, schemas: type[GenerateJsonSchema]) -> Any:
    return TypeAdapter(shape).json_schema(mode=mode, schema_generator=schemas)


_answered = partial(partial, _schema, mode="serialization", schemas=GenerateJsonSchema)  #: answers
_heard = partial(partial, _schema, mode="validation", schemas=GenerateJsonSchema)  #: requests
#: what lies in the log or travels between services, and may be of an earlier release
_kept = partial(partial, _schema, mode="serialization", schemas=TolerantJsonSchema)


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
        return create(settings(_env_file=None, home=Path(home))).openapi()


PUBLISHED: dict[str, Callable[[], Any]] = {
    "record": _kept(Record),
    "marker": _kept(Marker),
    "job": _answered(Job),
    "problem": _answered(Problem),
    "event": _event,
    "job-request": _heard(JobRequest),
    "batch-request": _heard(BatchRequest),
    "batch": _answered(Batch),
    "batch-problem": _answered(BatchProblem),
    "action-request": _heard(ActionRequest),
    "action-report": _answered(ActionReport),
    "retry-preview": _answered(RetryPreview),
    "cancel-preview": _answered(CancelPreview),
    "change-project": _heard(ChangeProject),
    "project": _answered(ProjectState),
    "cancel-request": _heard(CancelRequest),
    "retry-request": _heard(RetryRequest),
    "client-frame": _heard(ClientFrame),
    "server-frame": _answered(ServerFrame),
    "progress-report": _kept(ProgressReport),
    "latest-progress": _kept(LatestProgress),
    "position": _kept(Position),
    "list-jobs": _heard(ListJobs),
    "job-page": _kept(JobPage),
    "lane-states": _kept(LaneStates),
    "ticket": _kept(Ticket),
    "story": _kept(Story),
    "cleanup-request": _heard(CleanupRequest),
    "cleanup-report": _answered(CleanupReport),
    "sim-record": _kept(SimRecord),
    "asyncapi": partial(asyncapi, "127.0.0.1:4222"),
    "live-asyncapi": partial(live_asyncapi, "127.0.0.1:8081", secure=False),
    "gateway-openapi": partial(_openapi, create_gateway, GatewaySettings),
    "status-openapi": partial(_openapi, create_status, StatusSettings),
    "storage-openapi": partial(_openapi, create_storage, StorageSettings),
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
