"""Thresholds of budgets: parts of a limit at which users are notified. Pure."""

from collections.abc import Iterator

from heliograph.contracts.budgets.periods import SPANS
from heliograph.contracts.budgets.record import BudgetRecord, Window

THRESHOLDS = (50, 80, 100)  #: percent of a limit that were spent


def announced(budget: BudgetRecord) -> tuple[BudgetRecord, list[Window]]:
    """
    The budget with every threshold that was reached noted, and the windows in which one is new.

    A threshold is announced once in a window, also where a correction takes it back. Of several that
    are reached at once, the highest is.
    """
    new = list(_reached(budget))
    noted = {id(before): after for before, after in new}
    windows = [noted.get(id(each), each) for each in budget.windows]
    return budget.model_copy(update={"windows": windows}), [after for _, after in new]


def _reached(budget: BudgetRecord) -> Iterator[tuple[Window, Window]]:
    for span in SPANS:
        window, limit = budget.running(span), budget.limits.of(span)
        if limit is None:
            continue
        reached = [each for each in THRESHOLDS if window.spent * 100 >= limit * each]
        if window.spent and reached and reached[-1] > window.announced:
            yield window, window.model_copy(update={"announced": reached[-1]})
