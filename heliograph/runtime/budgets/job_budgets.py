"""Port of budgets for acceptance."""

from collections.abc import Collection
from typing import NamedTuple, Protocol, Self

from ulid import ULID

from heliograph.contracts.records import Record


class PlanHolder(NamedTuple):
    """One copy of a bulk request: all copies share what is held for its jobs, until the last one is done."""

    project: str
    plan: str  #: name of the bulk request
    id: str

    @classmethod
    def new(cls, project: str, plan: str) -> Self:
        """A copy that has come now."""
        return cls(project, plan, str(ULID()))


class JobBudgets(Protocol):
    """Budgets, as far as acceptance asks them before anything is written."""

    def applies_to(self, job: Record) -> bool:
        """Whether a job needs room in a budget. Raises Unavailable: that is not known right now."""

    def look_up_ahead(self, project: str, job: str) -> None:
        """
        Begin to look whether a job that a request names is known, which its commit needs to know. Raises nothing.
        """

    async def check(self, job: Record) -> None:
        """
        Whether a job would fit into the budget of its project now.

        Raises:
            OverBudget, TooManyJobs: The job does not fit, according to the leader of the stream.
            Unavailable: The budget cannot be read.
        """

    async def complete(self, project: str, jobs: Collection[str]) -> bool:
        """
        Store the first event of one of these jobs where its price is held and the event may be missing, because
        a process died. True: one of them was such a job, so it has an event now. Raises Unavailable.
        """

    async def hold_plan(self, holder: PlanHolder, jobs: Collection[Record]) -> None:
        """
        Hold what the jobs of one bulk request cost, all or none; each takes its part when it is accepted.
        What another copy of the request holds is shared with it.

        Raises:
            OverBudget, TooManyJobs: The jobs together exceed the budget. Nothing is held.
            Unavailable: The prices may or may not be held. A hold without a job ends after two minutes.
        """

    async def join_plan(
        self, holder: PlanHolder, jobs: Collection[str], users: Collection[str] = ()
    ) -> None:
        """
        Let jobs take their part of what another copy of their request may have held for them. Raises
        nothing: otherwise each job is held separately.

        Args:
            users: Digests of their users.
        """

    async def release_plan(self, holder: PlanHolder) -> None:
        """
        Give back what no job has taken, if no other copy of the request is under way. Raises nothing:
        otherwise the hold expires after two minutes.
        """


class NoBudgets:
    """`JobBudgets` where no project has one."""

    def applies_to(self, job: Record) -> bool:
        return False

    def look_up_ahead(self, project: str, job: str) -> None:
        pass

    async def check(self, job: Record) -> None:
        pass

    async def complete(self, project: str, jobs: Collection[str]) -> bool:
        return False

    async def hold_plan(self, holder: PlanHolder, jobs: Collection[Record]) -> None:
        pass

    async def join_plan(
        self, holder: PlanHolder, jobs: Collection[str], users: Collection[str] = ()
    ) -> None:
        pass

    async def release_plan(self, holder: PlanHolder) -> None:
        pass
