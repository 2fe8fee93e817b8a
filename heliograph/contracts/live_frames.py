"""Frames of the live connection, `heliograph.live.v1`: sent by the client, and by the server."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from heliograph.contracts.budgets.periods import Span
from heliograph.contracts.ids import JobId, ProjectName
from heliograph.contracts.jobs import Job
from heliograph.contracts.money import Money
from heliograph.contracts.problems import Problem
from heliograph.contracts.progress import Progress

SUBPROTOCOL = "heliograph.live.v1"

SubscriptionId = Annotated[int, Field(ge=0, lt=2**53)]


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cursor(_Frame):
    """The last event a client has seen, and of which stream."""

    epoch: str = Field(max_length=64)
    sequence: int = Field(ge=0, lt=2**63)


class Auth(_Frame):
    """Authentication of the client, by a ticket."""

    op: Literal["auth"]
    ticket: str = Field(max_length=1024)


class Subscribe(_Frame):
    """Follow a project, or some of its jobs, from after an event on."""

    op: Literal["subscribe"]
    id: SubscriptionId
    project: ProjectName
    jobs: list[JobId] | None = Field(default=None, min_length=1, max_length=300)
    after: Cursor | None = None
    budget: bool = Field(
        default=False,
        description=(
            "Also send a frame when the project's spending reaches a threshold of a limit; needs "
            "`usage:read`"
        ),
    )


class Unsubscribe(_Frame):
    """End a subscription."""

    op: Literal["unsubscribe"]
    id: SubscriptionId


class Ping(_Frame):
    """Check whether the other side responds."""

    op: Literal["ping"]


class Pong(_Frame):
    """The reply to a ping."""

    op: Literal["pong"]


ClientFrame = Annotated[Auth | Subscribe | Unsubscribe | Ping | Pong, Field(discriminator="op")]
CLIENT_FRAME: TypeAdapter[Auth | Subscribe | Unsubscribe | Ping | Pong] = TypeAdapter(ClientFrame)


# -- sent by the server


class Subscribed(_Frame):
    """The subscription was accepted. What was missed follows, or a snapshot if it is too much."""

    op: Literal["subscribed"]
    id: SubscriptionId
    epoch: str = Field(description="Epoch of the stream to which the sequences belong")
    head: int = Field(description="Sequence of the newest event in the stream")
    recovered: bool = Field(
        description="`true`: the events after the cursor follow; `false`: a snapshot follows"
    )
    missed: int | None = Field(
        default=None,
        description=(
            "Number of stored messages of this subscription after the cursor; null: a snapshot "
            "follows. Messages that are not job events are not sent; `caught_up` follows the last "
            "one."
        ),
    )


class Snapshot(_Frame):
    """Jobs as they stood at a sequence; the events that follow are those after it."""

    op: Literal["snapshot"]
    id: SubscriptionId
    sequence: int
    jobs: list[Job]
    more: bool = Field(description="Another page of the same snapshot follows")


class CaughtUp(_Frame):
    """The snapshot is complete, or everything that was missed was sent; the following events are live."""

    op: Literal["caught_up"]
    id: SubscriptionId
    sequence: int = Field(
        description="All events of this subscription up to this sequence have been sent"
    )


class EventFrame(_Frame):
    """Frame of a job event."""

    op: Literal["event"]
    id: SubscriptionId
    sequence: int = Field(description="Sequence of the event; the cursor for resuming")
    type: str = Field(examples=["heliograph.job.started.v1"])
    job: Job


class ProgressFrame(_Frame):
    """Frame of a job's progress, outside the sequence: the latest one counts."""

    op: Literal["progress"]
    id: SubscriptionId
    job: str
    phase: str
    progress: Progress


class BudgetFrame(_Frame):
    """The project has spent a part of a limit; outside the sequence, for subscriptions that ask."""

    op: Literal["budget"]
    id: SubscriptionId
    project: str
    currency: str
    span: Span
    window: str = Field(description="The period: `2026-11-30`, `2026-11` or `total`")
    percent: int = Field(description="Percentage of the limit that was reached: 50, 80 or 100")
    limit: Money
    spent: Money
    held: Money
    at: AwareDatetime


class ErrorFrame(_Frame):
    """An error in a frame of the client, or the reason why a subscription ends."""

    op: Literal["error"]
    id: SubscriptionId | None = Field(
        description="Id of the subscription concerned; null: the connection"
    )
    problem: Problem


ServerFrame = Annotated[
    Subscribed | Snapshot | CaughtUp | EventFrame | ProgressFrame | BudgetFrame | ErrorFrame | Pong,
    Field(discriminator="op"),
]
