"""The budget of a project as clients set and see it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from heliograph.contracts.budgets.periods import SPANS, Span, time_zone
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, Window, rolled
from heliograph.contracts.money import Money
from heliograph.contracts.quotas import Count

_SCHEMA = WithJsonSchema(  #: the number of digits has no word of its own
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 999_999_999, "multipleOf": 0.000001},
            {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$"},
            {"type": "null"},
        ]
    }
)

_Limit = Annotated[Decimal | None, _SCHEMA, Field(ge=0, max_digits=15, decimal_places=6)]


class SetBudget(BaseModel):
    """The budget of a project as a whole. What is left out, or null, has no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: _Limit = Field(default=None, description="For jobs accepted on one day", examples=["5.00"])
    month: _Limit = Field(
        default=None, description="For jobs accepted in one month", examples=["100"]
    )
    total: _Limit = Field(
        default=None, description="For all jobs that the project ever had", examples=["1000"]
    )
    jobs_open: Count | None = Field(
        default=None,
        description="Jobs that may be open at once, of those that are accepted from then on",
        examples=[50],
    )
    zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        description="IANA time zone in which days and months begin. A change starts with the next day, and "
        "the next month",
        examples=["Europe/Berlin"],
    )

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        time_zone(zone)
        return zone

    @property
    def limits(self) -> BudgetLimits:
        return BudgetLimits(
            day=self.day, month=self.month, total=self.total, jobs_open=self.jobs_open
        )


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class WindowState(_Shown):
    """One day, one month, or all time."""

    span: Span
    key: str = Field(description="As `2026-11-30`, `2026-11` or `total`")
    limit: Money | None
    spent: Money = Field(description="What jobs that ended have cost, or may have cost")
    held: Money = Field(description="What jobs that are open may cost")
    left: Money | None = Field(description="What new jobs may cost; null: no limit")
    renews_at: AwareDatetime | None = Field(description="When the next period begins; null: never")


class OpenJobsState(_Shown):
    """Jobs that are open, of those that were accepted since they are limited."""

    limit: int
    open: int
    left: int = Field(description="How many more may be accepted now")


class BudgetState(_Shown):
    """The budget of a project as it is now."""

    project: str
    currency: str = "USD"
    zone: str = "UTC"
    windows: list[WindowState] = Field(
        default_factory=list, description="Of the day, the month and in all; none without a budget"
    )
    jobs_open: OpenJobsState | None = Field(default=None, description="null: no limit of jobs")

    @property
    def limits(self) -> dict[str, Any]:
        """Its limits by name, as `SetBudget` has them."""
        amounts: dict[str, Any] = {each.span: each.limit for each in self.windows}
        return {**amounts, "jobs_open": self.jobs_open and self.jobs_open.limit}


def budget_state(budget: BudgetRecord, at: datetime) -> BudgetState:
    """A budget as clients see it at a moment."""
    current = rolled(budget, at)
    shown = [_window_state(current.running(span), budget.limits) for span in SPANS]
    return BudgetState(
        project=budget.project,
        currency=budget.currency,
        zone=budget.zone,
        windows=shown,
        jobs_open=_open_jobs_state(current),
    )


def _open_jobs_state(budget: BudgetRecord) -> OpenJobsState | None:
    limit, count = budget.limits.jobs_open, budget.jobs_open
    if limit is None:
        return None
    return OpenJobsState(limit=limit, open=count, left=max(limit - count, 0))


def _window_state(window: Window, limits: BudgetLimits) -> WindowState:
    limit = limits.of(window.span)
    return WindowState(
        span=window.span,
        key=window.key,
        limit=limit,
        spent=window.spent,
        held=window.held,
        left=None if limit is None else max(window.left(limit), Decimal(0)),
        renews_at=window.ends,
    )
