"""Budget of the client's project."""

from collections.abc import Mapping
from decimal import Decimal

from heliograph.client.http import GatewayConnection
from heliograph.contracts.budgets.state import BudgetState
from heliograph.encodable_text import part

Amount = Decimal | str


class BudgetCalls(GatewayConnection):
    """Calls for the budget of the project."""

    async def budget(self, user: str | None = None) -> BudgetState:
        """
        Budget of the project: limits, spending and holds of open jobs.

        Args:
            user: Adds the budget of this user.
        """
        query = {"user": user} if user else {}
        return BudgetState.model_validate(await self._send("GET", self._budget_path, params=query))

    async def set_budget(
        self,
        *,
        day: Amount | None = None,
        month: Amount | None = None,
        total: Amount | None = None,
        jobs_open: int | None = None,
        user: Mapping[str, Amount | None] | None = None,
        zone: str = "UTC",
    ) -> BudgetState:
        """
        Set what the project may spend, as `day="5.00"`, how many of its jobs may be open at once, and what
        each of its users may cost, as `user={"day": "0.50", "month": "5.00"}`. What is left out has no
        limit; without any, the project has no budget.

        A first budget holds after some seconds, in which requests that cost money are repeated later.
        Needs a key with the scope `admin`, where there are keys.
        """
        limits = _amounts({"day": day, "month": month, "total": total})
        own = user and _amounts(user)
        body = {**limits, "jobs_open": jobs_open, "user": own, "zone": zone}
        content = await self._send("PUT", self._budget_path, json=body)
        return BudgetState.model_validate(content)

    @property
    def _budget_path(self) -> str:
        return f"/v1/projects/{part(self.project)}/budget"


def _amounts(limits: Mapping[str, Amount | None]) -> dict[str, str | None]:
    return {name: None if each is None else f"{each}" for name, each in limits.items()}
