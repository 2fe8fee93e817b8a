"""Messages about budgets: what is published when a project has spent a part of a limit."""

from pydantic import AwareDatetime

from heliograph.contracts.budgets.periods import Span
from heliograph.contracts.money import Money
from heliograph.contracts.tolerant_reader import Tolerant

REACHED = "heliograph.budget.reached.v1"  #: the CloudEvents type


class ThresholdReached(Tolerant):
    """A project has spent a part of a limit. Sent once in each window."""

    project: str
    currency: str
    span: Span
    window: str  #: its key, as `2026-11-30`
    percent: int  #: of the limit: 50, 80 or 100
    limit: Money
    spent: Money
    held: Money
    at: AwareDatetime
