"""Charge and cost of a job, added up over its attempts. Pure."""

from decimal import Decimal

from heliograph.contracts.attempts import Attempt, Bill
from heliograph.contracts.holds import Settlement
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.field_changes import Changes

_MORE_CHARGED: dict[Charged, int] = {"no": 0, "unknown": 1, "yes": 2}


def accumulate_charge(before: Charged, now: Charged) -> Charged:
    """Charges add up over attempts: once unknown or yes, never no again."""
    return max(before, now, key=_MORE_CHARGED.__getitem__)


def late_charge(
    record: Record,
    attempts: list[Attempt],
    before: Attempt,
    charged: Charged,
    bill: Bill | None = None,
) -> Changes:
    """The job's charge and cost, once it is known what one of its attempts cost."""
    if charged == before.charged or not record.cost.estimated:
        return {}
    job, actual = record.charged, record.cost.actual
    if charged == "yes":
        job, actual = "yes", (actual or Decimal(0)) + cost_of(before, bill)
    elif attempts[0].number == 1 and all(attempt.charged == "no" for attempt in attempts):
        job, actual = "no", Decimal(0)
    error = record.error and record.error.model_copy(update={"charged": job})
    cost = record.cost.model_copy(update={"actual": actual})
    return {"charged": job, "cost": cost, "error": error}


def add_charge(record: Record, now: Charged, bill: Bill | None = None) -> Changes:
    """The job's charge and cost, with this attempt's added. What costs nothing is never charged."""
    if not record.cost.estimated:
        return {}
    charged = accumulate_charge(record.charged, now)
    attempts = record.internal.attempts
    is_news = now == "yes" and bool(attempts) and attempts[-1].ended_at is None
    actual = record.cost.actual
    if is_news:
        actual = (actual or Decimal(0)) + cost_of(attempts[-1], bill)
    return {"charged": charged, "cost": record.cost.model_copy(update={"actual": actual})}


def cost_of(attempt: Attempt, bill: Bill | None) -> Decimal:
    """Cost of a charged attempt: by the units that the provider reported, else its price."""
    return bill.cost if bill else attempt.price


def counted(record: Record) -> Decimal:
    """Amount that an ended job adds to the spending of its project."""
    settled = record.internal.settled
    return settled.amount if settled else _cost(record)


def settlement(before: Record, after: Record) -> Settlement | None:
    """Spending of a job after an event and before it; None while it is open, or if it is free."""
    if not (after.step.is_final and after.cost.estimated):
        return None
    earlier = counted(before) if before.step.is_final else Decimal(0)
    return Settlement(amount=_cost(after), before=earlier)


def _cost(record: Record) -> Decimal:
    """Sum of certain and possible charges: an attempt of unknown outcome counts with its price."""
    if record.charged == "no":
        return Decimal(0)
    unknown = [each.price for each in record.internal.attempts if each.charged == "unknown"]
    known = [] if record.cost.actual is None else [record.cost.actual]
    return sum([*known, *unknown], Decimal(0)) if known or unknown else record.cost.estimated
