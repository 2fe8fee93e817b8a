"""Messages about reached thresholds of budgets, as CloudEvents."""

from datetime import datetime

from heliograph.contracts import subjects
from heliograph.contracts.budgets.messages import REACHED, ThresholdReached
from heliograph.contracts.budgets.record import BudgetRecord, Window
from heliograph.contracts.cloudevents import attributes
from heliograph.runtime.bus.atomic_batch import ComparedMessage

_SOURCE = "heliograph/status"


def threshold_message(budget: BudgetRecord, window: Window, at: datetime) -> ComparedMessage:
    """The message about the threshold that was just announced in a window."""
    limit = budget.limits.of(window.span)
    assert limit is not None, "thresholds are parts of a limit"
    reached = ThresholdReached(
        project=budget.project,
        currency=budget.currency,
        span=window.span,
        window=window.key,
        percent=window.announced,
        limit=limit,
        spent=window.spent,
        held=window.held,
        at=at,
    )
    headers = attributes(REACHED, source=_SOURCE, subject=budget.project, at=at)
    data = reached.model_dump_json().encode()
    return ComparedMessage(
        subject=subjects.budget(budget.project), data=data, headers=headers, expected_last=None
    )
