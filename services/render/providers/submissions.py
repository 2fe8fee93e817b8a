"""Submissions to a provider, and its possible responses."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import ProviderUnavailable


class RateLimited(ProviderUnavailable):
    """The provider limited the rate: the request was surely not accepted, and does not count."""

    def __init__(self, detail: str | None = None, *, retry_after: float) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.seconds = retry_after


class AmbiguousSubmit(Exception):
    """It is unknown whether the provider accepted the request. Look it up; never send it again."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Submission of one attempt, with the marks by which it is found again."""

    project: str
    job: str
    run: int
    attempt: int
    model: str
    endpoint: str
    arguments: dict[str, Any]  #: in our words, raw ones among them
    references: list[SentReference]
    price: Decimal
    body: dict[str, Any]  #: what the provider gets, in its words; empty where that is not known
    at: datetime | None = None  #: NATS's time of the intent, when nothing was sent yet; if known


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The provider accepted the submission."""

    request_id: str
    excerpt: str | None = field(default=None)
