"""Audit: compares the balances of budgets with a recount of their jobs."""

from dataclasses import dataclass
from typing import Any

from heliograph.contracts import subjects
from heliograph.contracts.budgets.balances import (
    Difference,
    JobBalance,
    differences,
    recounted,
    user_differences,
)
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.errors import NotFound
from heliograph.runtime.bus.budget_log import BudgetLog, budget_entry
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.job_balances import read_job_balances
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now


@dataclass(frozen=True)
class Audit:
    """Result of the audit of one budget."""

    budget: BudgetRecord
    sequence: int  #: of the record
    jobs: int  #: that it counts
    differences: list[Difference]

    @property
    def project(self) -> str:
        return self.budget.project

    def summary(self) -> str:
        """One line, and one for each difference."""
        result = "differs" if self.differences else "agrees"
        head = f"{self.project}: {result} with {self.jobs} jobs (record {self.sequence})"
        return "\n".join([head, *(f"  {_sentence(each)}" for each in self.differences)])

    def description(self) -> dict[str, Any]:
        """The result as JSON."""
        differences = [
            {**each._asdict(), "recorded": f"{each.recorded:f}", "counted": f"{each.counted:f}"}
            for each in self.differences
        ]
        facts = {"project": self.project, "sequence": self.sequence, "jobs": self.jobs}
        return {**facts, "differences": differences}


def _sentence(difference: Difference) -> str:
    whose = f" of the user {difference.user}" if difference.user else ""
    return (
        f"{difference.balance} in {difference.window}{whose} is {difference.recorded:f}, "
        f"its jobs make {difference.counted:f}"
    )


async def audit_budgets(jetstream: JetStream, project: str | None = None) -> list[Audit]:
    """
    Audit every budget, or that of one project. Jobs may be accepted and may end meanwhile.

    Raises:
        NotFound: The project has no budget.
        Unavailable: The log does not respond.
    """
    if project is not None:
        audit = await audit_budget(jetstream, project)
        if audit is None:
            raise NotFound(f"{project} has no budget")
        return [audit]
    entries = await KeyValue(jetstream, "projects").matching("*")
    names = sorted(name for name, entry in entries.items() if entry.readable.get("budget"))
    audits = [await audit_budget(jetstream, name) for name in names]
    return [each for each in audits if each]


async def audit_budget(jetstream: JetStream, project: str) -> Audit | None:
    """Audit the budget of a project. None: it has none. Raises Unavailable."""
    entry = await BudgetLog(jetstream).stored(project)
    sequence, budget = entry.sequence, entry.active
    if budget is None:
        return None
    events = JetStreamEventLog(jetstream, "heliograph/operator")
    jobs = await read_job_balances(
        jetstream, events, project, settled=budget.settled, held=sequence
    )
    if budget.pending:  # its event is not in the log before the record, and may not be there yet
        jobs.append(JobBalance(None, budget.pending.job))
    found = list(differences(budget, recounted(budget, jobs)))
    users = await _users(jetstream, project, sequence)
    found += user_differences(budget, users, jobs, now())
    return Audit(budget, sequence, len(jobs), found)


async def _users(
    jetstream: JetStream, project: str, written_before: int
) -> dict[str, BudgetRecord]:
    """The records of the users of a project, by digest, as they were when its own was written."""
    users = {}
    every = jetstream.read_acknowledged(STREAM, subjects.money_of(project, "*"))
    async for stored in every:
        if stored.sequence < written_before and (own := budget_entry(stored).budget) and own.user:
            users[own.user] = own
    return users
