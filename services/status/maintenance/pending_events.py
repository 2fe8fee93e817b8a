"""
Pending events: stores the first events of jobs whose prices are held, where the process that was to store them died.

A process that writes the next budget record of the project does the same. This task is for a project
without further requests: its job runs within seconds, and not only after the next request.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog, budget_entry
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.leases import Leases
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.clock import now

log = structlog.get_logger()

_EVERY = 2.0  #: seconds between looks
_AGE = timedelta(
    seconds=2
)  #: of a record; a process that lives stores its event within milliseconds
_SUBJECTS = 1_000  #: of one read
_LEASE = "pending_events"


@dataclass(kw_only=True)
class PendingEvents:
    """
    Looks at each budget record that was written since the last look, and at no other: one call for a thousand
    projects. Raises Unavailable and QueueFull.
    """

    jetstream: JetStream
    marks: BudgetMarks
    age: timedelta = _AGE  #: of the records that are completed
    since: int = 1  #: sequence: records before it have been looked at

    async def look(self) -> None:
        """Complete what is pending for some seconds; what is younger is looked at again."""
        names = [subjects.money(project) for project in sorted(self.marks.with_budget())]
        records = []
        for first in range(0, len(names), _SUBJECTS):
            part = names[first : first + _SUBJECTS]
            records += await self.jetstream.read_lasts_since(STREAM, part, self.since)
        before = now() - self.age
        young = [each.sequence for each in records if _written(each) > before]
        for each in records:
            if _written(each) <= before:
                await self._complete(each)
        newest = max((each.sequence for each in records), default=self.since - 1)
        self.since = min(young, default=newest + 1)

    async def _complete(self, record: Stored) -> None:
        try:
            budget = budget_entry(record).budget
            if budget and budget.pending:
                await BudgetLog(self.jetstream).complete(budget.project)
        except Unreadable as error:
            log.error("Pending event stays", subject=record.subject, reason=str(error))


def _written(stored: Stored) -> datetime:
    return datetime.fromisoformat(stored.headers["Nats-Time-Stamp"])


async def complete_forever(leases: Leases, jetstream: JetStream, marks: BudgetMarks) -> None:
    """Look at an interval, by leader election."""
    while True:
        async with leases.acquired(_LEASE) as lost:
            pending = PendingEvents(jetstream=jetstream, marks=marks)
            while not lost.is_set():
                await pending.look()
                await asyncio.sleep(_EVERY)
