"""Budget audit: compares the balances of budgets with their jobs."""

from heliograph.operator.connection import operator_jetstream
from heliograph.runtime.bus.budget_audit import Audit, audit_budgets


async def audit(project: str | None = None) -> list[Audit]:
    """Compare every budget, or that of one project, with its jobs. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return await audit_budgets(jetstream, project)
