"""The bus as AsyncAPI 3.0 describes it, generated from the shapes that really travel."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from heliograph.contracts.budgets.messages import REACHED, ThresholdReached
from heliograph.contracts.cloudevents import REFUSED, event_type
from heliograph.contracts.ids import JOB_PATTERN, PROJECT_PATTERN
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Marker, Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.state_machine.transitions import TRANSITIONS
from heliograph.contracts.tolerant_reader import TolerantJsonSchema

VERSION = "1.0.0"  #: of the contract, not of the program

_SCHEMAS = "#/components/schemas/{model}"
_SENT: list[tuple[type[BaseModel], Any]] = [
    (Record, "serialization"),
    (Marker, "serialization"),
    (Problem, "serialization"),
    (ThresholdReached, "serialization"),
]
_RECEIVED: list[tuple[type[BaseModel], Any]] = [(JobRequest, "validation")]

Document = dict[str, Any]


def asyncapi(server: str) -> Document:
    """
    The document.

    Args:
        server: Host and port of NATS, as `127.0.0.1:4222`.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Heliograph",
            "version": VERSION,
            "description": (
                "Request jobs and follow them on NATS JetStream. Publish to `requests.<project>`; "
                "read `events.<project>.>` from the stream EVENTS. A request is answered by the "
                "events of its job or by a refusal, both with its `ce-id` as `ce-correlationid`."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {"host": server, "protocol": "nats", "security": [{"type": "userPassword"}]}
        },
        "channels": {
            "requests": _channel("requests.{project}", "Stream REQUESTS", "request"),
            "refusals": _channel(
                "requests.refused.{project}", "Stream REFUSALS, kept for 7 days", "refusal"
            ),
            "events": _channel(
                "events.{project}.{job}", "Stream EVENTS: its sequence is the cursor", "event"
            ),
            "budgets": _channel(
                "budget.{project}", "Stream EVENTS, once in each window", "threshold"
            ),
        },
        "operations": {
            "ask": _operation("receive", "requests", "request", "Ask for a job"),
            "refuse": _operation("send", "refusals", "refusal", "Why there is no job"),
            "tell": _operation("send", "events", "event", "What became of a job"),
            "warn": _operation("send", "budgets", "threshold", "What a project has spent"),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(address: str, description: str, message: str) -> Document:
    patterns = {"project": PROJECT_PATTERN, "job": JOB_PATTERN}
    return {
        "address": address,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "parameters": {
            name: {"description": f"matches {pattern}"}
            for name, pattern in patterns.items()
            if f"{{{name}}}" in address
        },
    }


def _operation(action: str, channel: str, message: str, summary: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _messages() -> Document:
    correlation = {"location": "$message.header#/ce-correlationid"}
    names = ("accepted", "deduplicated", *TRANSITIONS)
    return {
        "request": {
            "title": "A request for a job",
            "contentType": "application/json",
            "headers": _headers({"ce-id": "The key: the same again is the same job"}, required=[]),
            "payload": {"$ref": _SCHEMAS.format(model="JobRequest")},
        },
        "refusal": {
            "title": "Why there is no job",
            "contentType": "application/problem+json",
            "correlationId": correlation,
            "headers": _cloudevent([REFUSED]),
            "payload": {"$ref": _SCHEMAS.format(model="Problem")},
        },
        "threshold": {
            "title": "A project has spent 50, 80 or 100 percent of a limit",
            "contentType": "application/json",
            "headers": _cloudevent([REACHED]),
            "payload": {"$ref": _SCHEMAS.format(model="ThresholdReached")},
        },
        "event": {
            "title": "A fact about a job, with the whole record as it then stood",
            "contentType": "application/json",
            "correlationId": correlation,
            "headers": _cloudevent([event_type(name) for name in names]),
            "payload": {
                "anyOf": [
                    {"$ref": _SCHEMAS.format(model="Record")},
                    {"$ref": _SCHEMAS.format(model="Marker")},
                ]
            },
        },
    }


def _cloudevent(types: list[str]) -> Document:
    """CloudEvents 1.0.2, NATS binary mode: attributes are headers."""
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "Of this message",
        "ce-type": " · ".join(types),
        "ce-source": "The service that wrote it",
        "ce-subject": "The job, or the project of a refusal",
        "ce-time": "RFC 3339",
        "ce-sequence": "The revision of the job",
        "ce-correlationid": "The `ce-id` or Idempotency-Key of the request",
        "traceparent": "W3C Trace Context",
    }
    schema = _headers(attributes, required=["ce-specversion", "ce-id", "ce-type", "ce-source"])
    schema["properties"]["ce-type"] = {"type": "string", "enum": types}
    return schema


def _headers(described: dict[str, str], *, required: list[str]) -> Document:
    properties = {name: {"type": "string", "description": text} for name, text in described.items()}
    return {"type": "object", "properties": properties, "required": required}


def _schemas() -> Document:
    schemas: Document = {}
    for models in (_SENT, _RECEIVED):
        _, document = models_json_schema(
            models, ref_template=_SCHEMAS, schema_generator=TolerantJsonSchema
        )
        schemas |= {**document["$defs"], **schemas}
    return schemas
