"""Quotes: what requests cost now, and when their jobs would run. A quote holds a price until it expires."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.batches import MAX_JOBS
from heliograph.contracts.jobs import Cost
from heliograph.contracts.requests import JobRequest

QUOTE_LIFE = 600.0  #: seconds


class QuoteRequest(BaseModel):
    """Requests whose price is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: list[JobRequest] = Field(
        min_length=1,
        max_length=MAX_JOBS,
        description="Requests, each as it will be sent",
        examples=[[{"kind": "portrait", "prompt": "a lighthouse keeper"}]],
    )


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Quote(_View):
    """The price of one request, and when its job would run if it was sent now."""

    index: int = Field(description="In the request, from 0")
    quote: str = Field(
        description="Sent as `quote` of the same request, it is refused when the price has risen"
    )
    kind: str
    model: str = Field(description="That would make it")
    lane: str
    cost: Cost
    price_known: bool = Field(description="`false`: the price is the request's `max_cost`")
    position: int | None = Field(
        description="Its turn in the lane, counted from 1; null where that is not known, or far back"
    )
    eta_seconds: float | None = Field(
        description="Until it is rendered; null where that is not known, or something holds it up"
    )
    blocked: str | None = Field(description="What it would wait for beside its turn")


class QuoteList(_View):
    """The prices of requests."""

    project: str
    cost: Cost | None = Field(
        description="Of all of them; null when they are priced in different currencies"
    )
    expires_at: AwareDatetime = Field(description="So long the quotes are good for")
    items: list[Quote]
    next: None = Field(default=None, description="The list is whole")
