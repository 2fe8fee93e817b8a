"""
Events as they travel: CloudEvents 1.0.2 in the binary mode of NATS, the whole record as the body.

The attributes are headers with the prefix `ce-`; `ce-sequence` is the record's revision.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import Field, TypeAdapter
from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.records import Marker, Record

REFUSED = "heliograph.request.refused.v1"  #: the type of a refusal, which concerns no job

MAJOR = 1  #: major version of event types; a release that changes their meaning raises it

_TYPE = re.compile(r"heliograph\.job\.(?P<name>[a-z][a-z0-9_]{0,63})\.v(?P<major>[0-9]{1,4})")

#: nearly all are records, and to compare how well either fits takes three times as long
_BODY: TypeAdapter[Record | Marker] = TypeAdapter(
    Annotated[Record | Marker, Field(union_mode="left_to_right")]
)


@dataclass(frozen=True, kw_only=True)
class EventEnvelope:
    """Envelope of a job event, with the whole record of the job after it."""

    id: str
    name: str  #: `accepted`, `started`, …
    source: str  #: its writer, as `heliograph/render`
    at: datetime
    body: Record | Marker

    @classmethod
    def of(cls, name: str, body: Record | Marker, at: datetime, source: str) -> "EventEnvelope":
        """A new event, with an id of its own."""
        return cls(id=str(ULID()), name=name, source=source, at=at, body=body)

    @property
    def type(self) -> str:
        return event_type(self.name)

    @property
    def subject(self) -> str:
        """Subject of the event."""
        return subjects.event(self.body.project, self.body.id)

    def headers(self) -> dict[str, str]:
        """The attributes, as NATS headers."""
        headers = attributes(
            self.type, source=self.source, subject=self.body.id, at=self.at, id_=self.id
        )
        headers["ce-sequence"] = str(self.body.revision)
        about = self.body.internal if isinstance(self.body, Record) else self.body
        if about.correlation_id:
            headers["ce-correlationid"] = about.correlation_id
        if isinstance(self.body, Record) and self.body.internal.traceparent:
            headers["traceparent"] = self.body.internal.traceparent
        return headers

    def data(self) -> bytes:
        """The body, as JSON."""
        is_compacted = isinstance(self.body, Record) and self.body.compacted_at is not None
        return self.body.model_dump_json(exclude_defaults=is_compacted).encode()

    @classmethod
    def read(cls, subject: str, headers: Mapping[str, str], data: bytes) -> "EventEnvelope":
        """The event of a message. Raises Unreadable."""
        body = read_body(subject, headers, data)
        try:
            return cls(
                id=headers["ce-id"],
                name=event_name(headers["ce-type"]),
                source=headers["ce-source"],
                at=datetime.fromisoformat(headers["ce-time"]),
                body=body,
            )
        except (KeyError, ValueError) as error:
            raise Unreadable(f"an attribute is missing or wrong: {error}") from None


def attributes(
    type_: str,
    *,
    source: str,
    subject: str,
    at: datetime,
    id_: str | None = None,
    media_type: str = "application/json",
) -> dict[str, str]:
    """The attributes that every event has, as NATS headers; `id_` is made up by default."""
    return {
        "ce-specversion": "1.0",
        "ce-id": id_ or str(ULID()),
        "ce-type": type_,
        "ce-source": source,
        "ce-subject": subject,
        "ce-time": at.isoformat(),
        "content-type": media_type,
    }


def event_type(name: str) -> str:
    """The CloudEvents type of an event, as `heliograph.job.started.v1`."""
    return f"heliograph.job.{name}.v{MAJOR}"


@lru_cache(maxsize=256)
def event_name(type_: str) -> str:
    """
    The name in a CloudEvents type. A name that this release does not know is accepted: every event of our
    major version carries the whole record.

    Raises:
        Unreadable: The type has another major version, or is not one of ours.
    """
    match = _TYPE.fullmatch(type_)
    if match is None:
        raise Unreadable("it has no known event type")
    if int(match["major"]) != MAJOR:
        raise Unreadable(f"it is of major version {match['major']}, and this release reads {MAJOR}")
    return match["name"]


def read_body(subject: str, headers: Mapping[str, str], data: bytes) -> Record | Marker:
    """The body of an event on a subject, from its JSON. Raises Unreadable."""
    event_name(headers.get("ce-type", ""))
    try:
        body = _BODY.validate_json(data)
    except ValueError as error:
        raise Unreadable.because(error) from None
    if subject != subjects.event(body.project, body.id):
        raise Unreadable("it is about another job than its subject")
    return body
