"""Quotas of the client's project."""

from typing import Any

from heliograph.client.http import GatewayConnection
from heliograph.contracts.projects import ProjectState
from heliograph.contracts.quotas import ProjectQuotas
from heliograph.encodable_text import part


class QuotaCalls(GatewayConnection):
    """Calls for quotas of the project."""

    async def quotas(self) -> ProjectQuotas:
        """Quotas of the project and of each of its users."""
        return ProjectState.model_validate(await self._send("GET", self._settings_path)).quotas

    async def change_quotas(self, **change: Any) -> ProjectQuotas:
        """
        Change quotas, as `jobs_in_flight=50`, `requests={"limit": 100}` or `user={"jobs_in_flight": 2}`.
        What is left out stays; None takes a quota back. Needs a key with the scope `projects:write`,
        where there are keys.
        """
        content = await self._send("PATCH", self._settings_path, json={"quotas": change})
        return ProjectState.model_validate(content).quotas

    @property
    def _settings_path(self) -> str:
        return f"/v1/projects/{part(self.project)}"
