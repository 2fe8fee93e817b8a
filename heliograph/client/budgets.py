"""Budget of the client's project."""

from decimal import Decimal

from heliograph.client.http import GatewayConnection
from heliograph.contracts.budgets.state import BudgetState
from heliograph.encodable_text import part

Amount = Decimal | str


class BudgetCalls(GatewayConnection):
    """Requests about the budget of the project."""

    async def budget(self) -> BudgetState:
        """Budget of the project: limits, spending and holds of open jobs."""
        return BudgetState.model_validate(await self._send("GET", self._budget_path))

    async def set_budget(
        self,
        *,
        day: Amount | None = None,
        month: Amount | None = None,
        total: Amount | None = None,
        jobs_open: int | None = None,
        zone: str = "UTC",
    ) -> BudgetState:
        """
        Set what the project may spend, as `day="5.00"`, and how many of its jobs may be open at once. What
        is left out has no limit; without any, the project has no budget.

        A first budget holds after some seconds, in which requests that cost money are repeated later.
        Needs a key with the scope `admin`, where there are keys.
        """
        limits = {"day": day, "month": month, "total": total}
        amounts = {name: None if each is None else f"{each}" for name, each in limits.items()}
        body = {**amounts, "jobs_open": jobs_open, "zone": zone}
        answer = await self._send("PUT", self._budget_path, json=body)
        return BudgetState.model_validate(answer)

    @property
    def _budget_path(self) -> str:
        return f"/v1/projects/{part(self.project)}/budget"
