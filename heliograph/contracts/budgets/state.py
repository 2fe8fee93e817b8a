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

from heliograph.contracts.budgets.periods import CALENDAR, SPANS, Span, time_zone
from heliograph.contracts.budgets.record import (
    BudgetLimits,
    BudgetRecord,
    UserLimits,
    Window,
    rolled,
)
from heliograph.contracts.budgets.users import MAX_USERS, user_budget
from heliograph.contracts.money import Money
from heliograph.contracts.quotas import Count
from heliograph.contracts.user_digests import user_digest

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


class SetUserBudget(BaseModel):
    """The budget of each user of a project. What is left out, or null, has no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: _Limit = Field(default=None, description="For jobs accepted on one day", examples=["0.50"])
    month: _Limit = Field(
        default=None, description="For jobs accepted in one month", examples=["5.00"]
    )


class SetBudget(BaseModel):
    """The budget of a project as a whole. What is left out, or null, has no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: _Limit = Field(
        default=None, description="Limit for jobs accepted on one day", examples=["5.00"]
    )
    month: _Limit = Field(
        default=None, description="Limit for jobs accepted in one month", examples=["100"]
    )
    total: _Limit = Field(
        default=None, description="Limit for all jobs of the project", examples=["1000"]
    )
    jobs_open: Count | None = Field(
        default=None,
        description="Limit of open jobs; counts jobs accepted after this limit was set",
        examples=[50],
    )
    user: SetUserBudget | None = Field(
        default=None,
        description="Limits for each `user` that requests name; counts jobs accepted after these limits "
        f"were set, of up to {MAX_USERS} users in a month",
    )
    zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        description=(
            "IANA time zone in which days and months begin. A change applies from the next day "
            "and the next month"
        ),
        examples=["Europe/Berlin"],
    )

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        time_zone(zone)
        return zone

    @property
    def limits(self) -> BudgetLimits:
        user = UserLimits(day=self.user.day, month=self.user.month) if self.user else UserLimits()
        return BudgetLimits(
            day=self.day, month=self.month, total=self.total, jobs_open=self.jobs_open, user=user
        )


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class WindowState(_Shown):
    """Budget window: one day, one month, or all time."""

    span: Span
    key: str = Field(description="The period: `2026-11-30`, `2026-11` or `total`")
    limit: Money | None
    spent: Money = Field(
        description="Cost of ended jobs, including possible charges whose outcome is unknown"
    )
    held: Money = Field(description="Maximum cost of open jobs")
    left: Money | None = Field(description="Amount left for new jobs; null: no limit")
    renews_at: AwareDatetime | None = Field(description="Start of the next period; null: none")


class OpenJobsState(_Shown):
    """Jobs that are open, of those that were accepted since they are limited."""

    limit: int
    open: int
    left: int = Field(description="Number of jobs that can be accepted now")


class UserBudgetState(_Shown):
    """The limits of each user, and the budget of one user as it is now."""

    day: Money | None = Field(description="Limit of each user for a day; null: no limit")
    month: Money | None = Field(description="Limit of each user for a month; null: no limit")
    name: str | None = Field(default=None, description="The `user` of the query; null: none")
    windows: list[WindowState] = Field(
        default_factory=list, description="Windows of the day and the month of that user"
    )


class BudgetState(_Shown):
    """The budget of a project as it is now."""

    project: str
    currency: str = "USD"
    zone: str = "UTC"
    windows: list[WindowState] = Field(
        default_factory=list,
        description="Windows of the day, the month and all time; empty without a budget",
    )
    jobs_open: OpenJobsState | None = Field(default=None, description="Open jobs; null: no limit")
    user: UserBudgetState | None = Field(
        default=None, description="Budget of each user; null: no limit"
    )

    @property
    def limits(self) -> dict[str, Any]:
        """Its limits by name, as `SetBudget` has them."""
        amounts: dict[str, Any] = {each.span: each.limit for each in self.windows}
        user = self.user and {"day": self.user.day, "month": self.user.month}
        return {**amounts, "jobs_open": self.jobs_open and self.jobs_open.limit, "user": user}


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
        user=_user_state(current.limits.user),
    )


def with_user_state(
    state: BudgetState, budget: BudgetRecord, user: str, stored: BudgetRecord | None, at: datetime
) -> BudgetState:
    """The same, with the windows of one user; unchanged where users have no limit."""
    if state.user is None:
        return state
    own = user_budget(rolled(budget, at), user_digest(user), stored, at)
    windows = [_window_state(own.running(span), own.limits) for span in CALENDAR]
    shown = state.user.model_copy(update={"name": user, "windows": windows})
    return state.model_copy(update={"user": shown})


def _user_state(limits: UserLimits) -> UserBudgetState | None:
    return UserBudgetState(day=limits.day, month=limits.month) if limits.is_set else None


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
