"""Port of budgets: what acceptance asks before anything is written."""

from collections.abc import Collection
from typing import Protocol

from heliograph.contracts.records import Record


class JobBudgets(Protocol):
    """Budgets, as far as acceptance asks them before anything is written."""

    def applies_to(self, job: Record) -> bool:
        """Whether a job needs room in a budget. Raises Unavailable: that is not known right now."""

    async def check(self, job: Record) -> None:
        """
        Whether a job would fit into the budget of its project now.

        Raises:
            OverBudget, TooManyJobs: It would not, by what the leader of the stream says.
            Unavailable: The budget cannot be read.
        """

    async def hold_plan(self, name: str, jobs: Collection[Record]) -> None:
        """
        Hold what the jobs of one bulk request cost, all or none; each takes its part when it is accepted.

        Raises:
            OverBudget, TooManyJobs: They do not fit together. Nothing is held.
            Unavailable: They may or may not be held. What is held goes by itself after two minutes.
        """

    def resume_plan(self, name: str, jobs: Collection[str]) -> None:
        """Let jobs take their part of what another process may have held for them."""

    async def release_plan(self, project: str, name: str) -> None:
        """Give back what no job has taken. Raises nothing: else it goes by itself after two minutes."""


class NoBudgets:
    """`JobBudgets` where no project has one."""

    def applies_to(self, job: Record) -> bool:
        return False

    async def check(self, job: Record) -> None:
        pass

    async def hold_plan(self, name: str, jobs: Collection[Record]) -> None:
        pass

    def resume_plan(self, name: str, jobs: Collection[str]) -> None:
        pass

    async def release_plan(self, project: str, name: str) -> None:
        pass
