"""Query for the usage of a project, answered by status from its read model."""

from typing import Literal

from pydantic import AwareDatetime, Field

from heliograph.contracts.money import Money
from heliograph.contracts.queries import Query
from heliograph.contracts.tolerant_reader import Tolerant

UsageDimension = Literal["day", "model", "kind", "user", "key"]

MAX_PERIODS = 400  #: in a query
MAX_GROUPS = 1_000  #: in a page


class UsagePeriod(Tolerant):
    """Part of the time that is asked about: `ends` is part of the next one."""

    name: str
    starts: AwareDatetime
    ends: AwareDatetime


class UsageGroup(Tolerant):
    """Jobs that have everything in common that usage is split by; the rest is null."""

    period: int  #: its place in the query, from 0
    model: str | None = None
    kind: str | None = None
    user: str | None = None
    key: str | None = None
    currency: str
    counts: dict[str, int]  #: jobs by status
    estimated: Money
    actual: Money
    held: Money
    unknown: Money


class UsagePage(Tolerant):
    """Groups in the order of what they are split by. `next` continues them."""

    groups: list[UsageGroup]
    totals: list[UsageGroup]  #: of all groups, one for each currency
    next: str | None = None


class GetUsage(Query[UsagePage]):
    """Usage by jobs accepted in some periods. Answered by status with `UsagePage`."""

    subject = "query.usage"

    project: str
    periods: list[UsagePeriod] = Field(min_length=1, max_length=MAX_PERIODS)
    by: list[UsageDimension] = Field(default_factory=list)  #: beside the periods
    cursor: str | None = None
    limit: int = Field(default=MAX_GROUPS, ge=1, le=MAX_GROUPS)
