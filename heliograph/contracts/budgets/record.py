"""The budget record: limits and balances of a project, as the event log keeps them."""

from datetime import datetime
from decimal import Context, Decimal

from pydantic import AwareDatetime, Field

from heliograph.contracts.budgets.pending import PendingEvent
from heliograph.contracts.budgets.periods import CALENDAR, Span, period_of
from heliograph.contracts.holds import Hold, PlanHold
from heliograph.contracts.money import ZERO, Money
from heliograph.contracts.records import Record
from heliograph.contracts.tolerant_reader import Tolerant

_EXACT = Context(prec=100)  #: digits; no sum of prices has more


class UserLimits(Tolerant):
    """Most that the jobs of each user may cost, of those accepted since there is this limit. Null: no limit."""

    day: Money | None = None
    month: Money | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is a limit at all."""
        return self.day is not None or self.month is not None


class BudgetLimits(Tolerant):
    """Spending limits of a project. Null: no limit."""

    day: Money | None = None
    month: Money | None = None
    total: Money | None = None
    jobs_open: int | None = None  #: jobs that were accepted since there is this limit
    user: UserLimits = UserLimits()

    def of(self, span: Span) -> Decimal | None:
        return {"day": self.day, "month": self.month, "total": self.total}[span]

    @property
    def is_set(self) -> bool:
        """Whether there is a limit at all."""
        limits = (self.day, self.month, self.total, self.jobs_open)
        return self.user.is_set or any(limit is not None for limit in limits)


class Window(Tolerant):
    """Budget window: one day, one month, or all time, with the amounts spent and held."""

    span: Span
    key: str  #: as `2026-11-30`, `2026-11` or `total`
    starts: AwareDatetime | None = None  #: null: with the first job
    ends: AwareDatetime | None = None  #: null: never
    spent: Money = ZERO
    held: Money = ZERO
    announced: int = 0  #: percent of the limit: the highest threshold that was announced
    users: int = 0  #: with a record, in a month of the project; 1 in that of such a user

    def counts(self, job: Record) -> bool:
        """Whether a job belongs to it: by its hold, or by its time where it holds nothing."""
        if job.internal.reserved:
            return self.has(job.internal.reserved)
        if self.span == "total":
            return True
        assert self.starts, "days and months begin"
        assert self.ends, "and they end"
        return self.starts <= job.created_at < self.ends

    def has(self, hold: Hold) -> bool:
        """Whether a hold counts in it."""
        return self.key == key_of(hold, self.span)

    def plus(self, *, spent: Decimal = ZERO, held: Decimal = ZERO) -> "Window":
        """The window with amounts added."""
        update = {"spent": _EXACT.add(self.spent, spent), "held": _EXACT.add(self.held, held)}
        return self.model_copy(update=update)

    def left(self, limit: Decimal) -> Decimal:
        """Amount that may still be held; negative if actual costs exceeded the limit."""
        return _EXACT.subtract(limit, _EXACT.add(self.spent, self.held))


class BudgetRecord(Tolerant):
    """Limits and balances of a project, or of one user within it (see `users`)."""

    project: str
    user: str | None = None  #: digest of the user; null: it is that of the project
    since: int = 0  #: sequence of the log when it was set: one that is set again is another one
    currency: str = "USD"
    zone: str = "UTC"  #: IANA name; a change starts with the next day, and the next month
    limits: BudgetLimits = BudgetLimits()
    windows: list[Window] = Field(default_factory=list)  #: of a span, the running one is the last
    settled: int = 0  #: sequence of the last event of the project that is settled in it
    jobs_open: int = 0  #: jobs that are counted and have not ended, with those of plans
    plans: list[PlanHold] = Field(default_factory=list)  #: of bulk requests that are being accepted
    pending: PendingEvent | None = None  #: of a job that it holds; it may not be in the log yet

    def running(self, span: Span) -> Window:
        """The window of a span in which jobs are accepted now."""
        return next(each for each in reversed(self.windows) if each.span == span)

    def window_of(self, span: Span, hold: Hold) -> Window | None:
        """The window in which a hold counts; None where it is over, and nothing is held in it."""
        key = key_of(hold, span)
        matching = (each for each in self.windows if each.span == span and each.key == key)
        return next(matching, None)

    def with_amounts(
        self, job: Record, *, spent: Decimal = ZERO, held: Decimal = ZERO
    ) -> "BudgetRecord":
        """The record with amounts added to each window in which a job counts."""
        windows = [
            each.plus(spent=spent, held=held) if each.counts(job) else each for each in self.windows
        ]
        return self.model_copy(update={"windows": windows})

    def with_held(self, hold: Hold, amount: Decimal) -> "BudgetRecord":
        """The record with an amount more held in the windows in which a hold counts."""
        windows = [each.plus(held=amount) if each.has(hold) else each for each in self.windows]
        return self.model_copy(update={"windows": windows})


def key_of(hold: Hold, span: Span) -> str:
    """Key of the window of a span in which a hold counts."""
    return {"day": hold.day, "month": hold.month, "total": "total"}[span]


def opened(
    project: str, limits: BudgetLimits, zone: str, at: datetime, since: int = 0
) -> BudgetRecord:
    """A record without balances, for the periods that are running."""
    empty = BudgetRecord(project=project, zone=zone, limits=limits, since=since)
    return rolled(empty, at)


def rolled(budget: BudgetRecord, at: datetime) -> BudgetRecord:
    """
    The record with the periods that a moment is in.

    A period that has begun keeps its end, so that a change of the time zone starts with the next one, and
    none comes again. Earlier windows stay while something is held in them. What plans hold is given back
    when their time is over.
    """
    for plan in [each for each in budget.plans if each.until <= at]:
        budget = without_plan(budget, plan)
    windows = [window for span in CALENDAR for window in _rolled(budget, span, at)]
    total = [each for each in budget.windows if each.span == "total"]
    windows += total or [Window(span="total", key="total")]
    return budget.model_copy(update={"windows": windows})


def without_plan(budget: BudgetRecord, plan: PlanHold) -> BudgetRecord:
    """The record after what a plan still held was given back."""
    others = [each for each in budget.plans if each is not plan]
    update = {"plans": others, "jobs_open": budget.jobs_open - plan.jobs}
    return budget.with_held(plan, -plan.amount).model_copy(update=update)


def _rolled(budget: BudgetRecord, span: Span, at: datetime) -> list[Window]:
    windows = [each for each in budget.windows if each.span == span]
    last = windows[-1] if windows else None
    if last and last.ends and at < last.ends:
        return [each for each in windows if each is last or each.held]
    period = period_of(span, at, budget.zone)
    if last and period.key <= last.key:  # the new zone is behind: the period goes on
        windows[-1] = last.model_copy(update={"ends": period.ends})
        return windows
    starts = max(period.starts, last.ends) if last and last.ends else period.starts
    new = Window(span=span, key=period.key, starts=starts, ends=period.ends)
    return [*(each for each in windows if each.held), new]
