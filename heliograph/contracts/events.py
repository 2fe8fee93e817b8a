"""
Events as they travel: CloudEvents 1.0.2 in the binary mode of NATS, the whole record as the body.

The attributes are headers with the prefix `ce-`; `ce-sequence` is the record's revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter
from ulid import ULID

from heliograph.contracts.records import Marker, Record

REFUSED = "heliograph.request.refused.v1"  #: the type of a refusal, which is about no job

_PREFIX, _SUFFIX = "heliograph.job.", ".v1"

#: nearly all are records, and to compare how well either fits takes three times as long
_BODY: TypeAdapter[Record | Marker] = TypeAdapter(
    Annotated[Record | Marker, Field(union_mode="left_to_right")]
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One fact about one job, with everything that is known of the job after it."""

    id: str
    name: str  #: `accepted`, `started`, …
    source: str  #: who wrote it, as `heliograph/render`
    at: datetime
    body: Record | Marker

    @classmethod
    def of(cls, name: str, body: Record | Marker, at: datetime, source: str) -> "Event":
        """A new event, with an id of its own."""
        return cls(id=str(ULID()), name=name, source=source, at=at, body=body)

    @property
    def type(self) -> str:
        return event_type(self.name)

    def headers(self) -> dict[str, str]:
        """The attributes, as NATS headers."""
        headers = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": self.type,
            "ce-source": self.source,
            "ce-subject": self.body.id,
            "ce-time": self.at.isoformat(),
            "ce-sequence": str(self.body.revision),
            "content-type": "application/json",
        }
        about = self.body.internal if isinstance(self.body, Record) else self.body
        if about.correlation_id:
            headers["ce-correlationid"] = about.correlation_id
        if isinstance(self.body, Record) and self.body.internal.traceparent:
            headers["traceparent"] = self.body.internal.traceparent
        return headers

    def data(self) -> bytes:
        """The body, as JSON."""
        return self.body.model_dump_json().encode()

    @classmethod
    def read(cls, headers: Mapping[str, str], data: bytes) -> "Event":
        """The event that somebody wrote."""
        return cls(
            id=headers["ce-id"],
            name=event_name(headers["ce-type"]),
            source=headers["ce-source"],
            at=datetime.fromisoformat(headers["ce-time"]),
            body=read_body(data),
        )


def event_type(name: str) -> str:
    """The CloudEvents type of an event, as `heliograph.job.started.v1`."""
    return f"{_PREFIX}{name}{_SUFFIX}"


def event_name(type_: str) -> str:
    """The name in a CloudEvents type."""
    return type_.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def read_body(data: bytes) -> Record | Marker:
    """What an event says, from its JSON."""
    return _BODY.validate_json(data)
