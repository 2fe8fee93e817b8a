"""Charge and cost of a job, added up over its attempts. Pure."""

from decimal import Decimal

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.field_changes import Changes

_MORE_CHARGED: dict[Charged, int] = {"no": 0, "unknown": 1, "yes": 2}


def accumulate_charge(before: Charged, now: Charged) -> Charged:
    """Charges add up over attempts: once unknown or yes, never no again."""
    return max(before, now, key=_MORE_CHARGED.__getitem__)


def late_charge(
    record: Record, attempts: list[Attempt], before: Attempt, charged: Charged
) -> Changes:
    """The job's charge and cost, once it is known what one of its attempts cost."""
    if charged == before.charged or not record.cost.estimated:
        return {}
    job, actual = record.charged, record.cost.actual
    if charged == "yes":
        job, actual = "yes", (actual or Decimal(0)) + before.price
    elif attempts[0].number == 1 and all(attempt.charged == "no" for attempt in attempts):
        job, actual = "no", Decimal(0)
    error = record.error and record.error.model_copy(update={"charged": job})
    cost = record.cost.model_copy(update={"actual": actual})
    return {"charged": job, "cost": cost, "error": error}


def add_charge(record: Record, now: Charged) -> Changes:
    """The job's charge and cost, with this attempt's added. What costs nothing is never charged."""
    if not record.cost.estimated:
        return {}
    charged = accumulate_charge(record.charged, now)
    attempts = record.internal.attempts
    is_news = now == "yes" and bool(attempts) and attempts[-1].ended_at is None
    actual = record.cost.actual
    if is_news:
        actual = (actual or Decimal(0)) + attempts[-1].price
    return {"charged": charged, "cost": record.cost.model_copy(update={"actual": actual})}
