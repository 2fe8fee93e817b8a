"""Tickets: a browser's entry to one live connection, bound to a project, for some seconds."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.ids import JobId
from heliograph.contracts.tolerant_reader import Tolerant

TICKET_LIFE = 30.0  #: seconds
MAX_TICKET_JOBS = 300  #: as many as a subscription may name


class TicketRequest(BaseModel):
    """A ticket for a live connection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: list[JobId] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TICKET_JOBS,
        description="Jobs that the ticket gives access to; null: all of the project",
    )
    origin: str | None = Field(
        default=None,
        max_length=255,
        description="Origin of pages that may use the ticket; null: any allowed origin",
        examples=["https://app.example"],
    )


class LiveTicket(BaseModel):
    """A ticket, to be sent as the first frame of a live connection, once."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    ticket: str
    expires_at: AwareDatetime


class TicketEntry(Tolerant):
    """Access of a ticket. Stored under the digest of its text."""

    key: str  #: id of the key that asked for it; empty: a token of the app did
    key_digest: str | None = None  #: of that key as it was; null: that is not known
    holder_expires_at: AwareDatetime | None = None  #: of that key or token
    project: str
    jobs: list[str] | None = None
    origin: str | None = None
    user: str | None = None
    hears_of_budgets: bool = False
    session: str | None = None  #: digest of the session that asked for it
    expires_at: AwareDatetime
    is_used: bool = False
