"""
Expiry of job records: removes the last event of jobs of which nothing else is left.

The job's idempotency key is looked up in that event, so a key that is used again after its
removal makes a new job. The event is removed when the key has been kept for long enough after the end of
the job, and only if retention pruned the job and its objects are removed. Without a time limit every record
stays for ever.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.clock import now
from services.status.read_model import ReadModel
from services.status.read_model.rows import History
from services.status.settings import StatusSettings

log = structlog.get_logger()

_BATCH_SIZE = 500

WaitForReadModel = Callable[[], Awaitable[None]]  #: until it has everything in the log


@dataclass(frozen=True, kw_only=True)
class RecordExpiry:
    """Removes records whose keys are kept no longer. Every method raises Unavailable."""

    jetstream: JetStream
    read_model: ReadModel
    purges: Purges
    marks: BudgetMarks  #: the audit of a budget counts every job that cost something
    wait_for_log: WaitForReadModel
    settings: StatusSettings

    async def round(self) -> int:
        """Remove some records, the oldest first. Returns how many."""
        kept = self.settings.idempotency_retention
        if kept is None:
            return 0
        await self.wait_for_log()
        budgeted = self.marks.with_budget()
        expired = await self.read_model.expired(now() - kept, _BATCH_SIZE, sorted(budgeted))
        pending = {project: await self._pending(project) for project in _projects(expired)}
        removed = []
        for each in expired:
            if each.project not in budgeted and self.marks.has_budget(each.project):
                continue  # since the read model was asked
            if pending[each.project](each.id):
                continue
            await self._remove(each)
            removed.append(each)
        for project in {
            each.project for each in removed
        }:  # they have the first events of lone jobs
            await BudgetLog(self.jetstream).trim(project, keep=1)
        await self.read_model.removed(removed)
        if removed:
            log.info("Job records removed", jobs=len(removed))
        return len(removed)

    async def _pending(self, project: str) -> Callable[[str], bool]:
        """
        Whether the first event of a job may be stored once more: the budget was removed before it was
        completed. Of a budget record that cannot be read, any job may be pending.
        """
        try:
            budget = (await BudgetLog(self.jetstream).stored(project)).budget
        except Unreadable:
            return lambda _: True
        pending = budget.pending if budget else None
        return lambda job: pending is not None and pending.job.id == job

    async def _remove(self, job: History) -> None:
        """An event that was written meanwhile stays, and with it the job."""
        await self.purges.note(job.project, job.sequence)
        request = {"filter": subjects.event(job.project, job.id), "seq": job.sequence + 1}
        await self.jetstream.api(f"STREAM.PURGE.{STREAM}", request)


def _projects(jobs: Iterable[History]) -> set[str]:
    return {each.project for each in jobs}
