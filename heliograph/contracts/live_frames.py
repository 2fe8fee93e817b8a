"""Frames of the live connection, `heliograph.live.v1`: what a client may say."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from heliograph.contracts.ids import JobId, ProjectName

SUBPROTOCOL = "heliograph.live.v1"

SubscriptionId = Annotated[int, Field(ge=0, lt=2**53)]


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cursor(_Frame):
    """The last event a client has seen, and of which stream."""

    epoch: str = Field(max_length=64)
    sequence: int = Field(ge=0, lt=2**63)


class Auth(_Frame):
    op: Literal["auth"]
    ticket: str = Field(max_length=1024)


class Subscribe(_Frame):
    op: Literal["subscribe"]
    id: SubscriptionId
    project: ProjectName
    jobs: list[JobId] | None = Field(default=None, min_length=1, max_length=300)
    after: Cursor | None = None


class Unsubscribe(_Frame):
    op: Literal["unsubscribe"]
    id: SubscriptionId


class Ping(_Frame):
    op: Literal["ping"]


class Pong(_Frame):
    op: Literal["pong"]


ClientFrame = Annotated[Auth | Subscribe | Unsubscribe | Ping | Pong, Field(discriminator="op")]
CLIENT_FRAME: TypeAdapter[Auth | Subscribe | Unsubscribe | Ping | Pong] = TypeAdapter(ClientFrame)
