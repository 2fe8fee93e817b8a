"""Usage of a project: how many jobs were accepted in a time, and what they cost."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from heliograph.contracts.job_steps import Status
from heliograph.contracts.money import Money
from heliograph.contracts.queries.usage import MAX_GROUPS, UsageDimension, UsageGroup

DIMENSIONS: tuple[UsageDimension, ...] = get_args(UsageDimension)


def _split(given: Any) -> Any:
    """`day,model` is both of them."""
    values = [given] if isinstance(given, str) else given
    parts = [part for each in values for part in str(each).split(",")]
    if unknown := [part for part in parts if part not in DIMENSIONS]:
        message = "{part} is not one of {known}"
        known = ", ".join(DIMENSIONS)
        raise PydanticCustomError("dimension", message, {"part": unknown[0], "known": known})
    return [each for each in DIMENSIONS if each in parts]


Dimensions = Annotated[
    list[UsageDimension],
    BeforeValidator(_split),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(DIMENSIONS)})(,({'|'.join(DIMENSIONS)}))*$",
            "maxLength": 64,
            "examples": ["day", "day,model"],
        }
    ),
]

Moment = Annotated[
    AwareDatetime | date,
    WithJsonSchema({"anyOf": [{"type": "string", "format": f} for f in ("date-time", "date")]}),
]


class UsageQuery(BaseModel):
    """Query of a project's usage: period, dimensions, format and page."""

    model_config = ConfigDict(extra="forbid")

    by: Dimensions = Field(
        default=["day"],
        validate_default=True,
        description="Dimensions to group by, separated by commas",
    )
    since: Moment | None = Field(
        default=None,
        description=(
            "Include jobs accepted at or after this time; a date means its start. If omitted: the "
            "last 30 days"
        ),
    )
    until: Moment | None = Field(
        default=None, description="Include jobs accepted before this time. If omitted: now"
    )
    time_zone: str | None = Field(
        default=None,
        max_length=64,
        description=(
            "Time zone of days and dates, for example `Europe/Berlin`. If omitted: the time zone "
            "of the project's budget, or UTC"
        ),
    )
    format: Literal["json", "csv"] | None = Field(
        default=None,
        description="Format. If omitted: `csv` if the `Accept` header has `text/csv`, else `json`",
    )
    cursor: str | None = Field(
        default=None, max_length=2_048, description="`next` of the previous page"
    )
    limit: int = Field(default=MAX_GROUPS, ge=1, le=MAX_GROUPS, description="Items in a page")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class UsageAmounts(_View):
    """Jobs added up."""

    jobs: int
    counts: dict[Status, int] = Field(
        description="Number of jobs per status; a status without jobs is omitted"
    )
    currency: str
    estimated: Money = Field(description="Sum of the estimated prices at acceptance")
    actual: Money = Field(description="Charges of ended jobs")
    unknown: Money = Field(description="Possible charges of ended jobs whose outcome is unknown")
    spent: Money = Field(description="Sum of `actual` and `unknown`")
    held: Money = Field(description="Maximum further cost of open jobs")

    @classmethod
    def of(cls, group: UsageGroup, **facts: Any) -> Self:
        """The amounts of a group of the read model."""
        return cls(
            jobs=sum(group.counts.values()),
            counts=group.counts,
            currency=group.currency,
            estimated=group.estimated,
            actual=group.actual,
            unknown=group.unknown,
            spent=group.actual + group.unknown,
            held=group.held,
            **facts,
        )


class UsageItem(UsageAmounts):
    """
    Jobs with the same values of the dimensions of the report. Null: not a dimension of the report, or the
    jobs have no value.
    """

    day: date | None
    model: str | None
    kind: str | None
    user: str | None
    key: str | None = Field(description="Id of the API key that requested the jobs")


class UsageReport(_View):
    """Usage of a project. A job belongs to the time in which it was accepted."""

    project: str
    by: list[UsageDimension]
    since: AwareDatetime
    until: AwareDatetime
    time_zone: str
    total: UsageAmounts | None = Field(
        description="Total of all pages; null if the currencies differ"
    )
    items: list[UsageItem]
    next: str | None = Field(description="`cursor` of the next page; null on the last page")


def item_of(group: UsageGroup, day: date | None) -> UsageItem:
    """An item of a report."""
    split = {name: getattr(group, name) for name in ("model", "kind", "user", "key")}
    return UsageItem.of(group, day=day, **split)


def moment(given: datetime | date, zone: Any) -> datetime:
    """A time as it was given; of a date its first moment."""
    if isinstance(given, datetime):
        return given
    return datetime(given.year, given.month, given.day, tzinfo=zone)
