"""Quotes: price and estimated start of requests. A quote binds its price until it expires."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.batches import MAX_JOBS
from heliograph.contracts.jobs import Cost
from heliograph.contracts.requests import JobRequest

QUOTE_LIFE = 600.0  #: seconds


class QuoteRequest(BaseModel):
    """Requests for which prices are requested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: list[JobRequest] = Field(
        min_length=1,
        max_length=MAX_JOBS,
        description="Job requests, each exactly as it will be submitted",
        examples=[[{"kind": "portrait", "prompt": "a lighthouse keeper"}]],
    )


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Quote(_View):
    """The price of one request, and when its job would run if it were sent now."""

    index: int = Field(description="Index of the request in the list, from 0")
    quote: str = Field(
        description="Signed quote. A request with it as `quote` is refused if the price has risen"
    )
    kind: str
    model: str = Field(description="Name of the model that would be used")
    lane: str
    cost: Cost
    price_known: bool = Field(
        description="`false`: the model's price is not known, and `max_cost` of the request is used"
    )
    position: int | None = Field(
        description="Queue position in the lane, from 1; null if unknown or far back"
    )
    eta_seconds: float | None = Field(
        description="Estimated seconds until it is rendered; null if unknown or blocked"
    )
    blocked: str | None = Field(
        description="Reason why the job would wait besides its queue position"
    )


class QuoteList(_View):
    """The prices of requests."""

    project: str
    cost: Cost | None = Field(description="Total cost; null if the currencies differ")
    expires_at: AwareDatetime = Field(description="The quotes are valid until this time")
    items: list[Quote]
    next: None = Field(default=None, description="Always null: the list is complete")
