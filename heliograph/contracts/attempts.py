"""Attempts: what was sent to a provider, and what became of it."""

from typing import Any

from pydantic import AwareDatetime, Field

from heliograph.contracts.money import Money
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.tolerant_reader import Tolerant


class SentReference(Tolerant):
    """A reference as a provider got it."""

    url: str
    digest: str  #: `sha256:<hex>` of the bytes, or of the address where the bytes are not ours


class Bill(Tolerant):
    """Bill of a provider for an attempt, by the units that it reported."""

    units: dict[str, Money]  #: by their names there, as `billable_units` or `output_tokens`
    cost: Money  #: at the catalog's prices when the units were reported


class Attempt(Tolerant):
    """One submission to a provider: written before it is sent, completed as more is known."""

    number: int  #: counted from 1; a refusal for rate does not count
    refusals: int = 0  #: of the same attempt before this one; they share one entry
    run: int  #: sequence of the run message that started it
    account: str
    endpoint: str
    prompt: str
    arguments: dict[str, Any]
    references: list[SentReference]
    price: Money
    submitting_at: AwareDatetime | None = None  #: null when an old request was taken over
    submitted_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    request_id: str | None = None  #: the provider's
    charged: Charged = "unknown"
    bill: Bill | None = None  #: null: no reported units have a price, and `price` counts
    outcome: str | None = None  #: how it ended: an event's name, or an error's `code`
    answer: str | None = None  #: beginning of the provider's raw response, at most 4 KiB


class Takeover(Tolerant):
    """A request that a retry resumes from an earlier job. Such a job never submits, and never pays."""

    job: str
    account: str
    endpoint: str
    request_id: str | None = None  #: ask for this request again (retry from `poll`)
    outputs: list[Output] = Field(default_factory=list)  #: fetch these (retry from `download`)
    withheld: list[Withheld] = Field(default_factory=list)  #: outputs that were not there
