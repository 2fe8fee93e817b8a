"""
Expiry of user budgets: removes the records of users whose periods are over, and old ones of the others.

Only the newest record counts; the others are kept as long as an audit may need them.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.budgets.record import BudgetRecord, rolled
from heliograph.contracts.budgets.users import is_over
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog, budget_entry
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.leases import Leases
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.clock import now

log = structlog.get_logger()

KEPT = timedelta(hours=1)  #: longer than an audit takes

_FIRST = 60.0  #: seconds until the first round
_EVERY = 3_600.0  #: between rounds
_LEASE = "user_budgets"


@dataclass(frozen=True, kw_only=True)
class UserBudgetExpiry:
    """Removes records of users that are needed no more. Every method raises Unavailable."""

    jetstream: JetStream
    marks: BudgetMarks

    async def round(self) -> None:
        """Look at every project with a budget."""
        for project in sorted(self.marks.with_budget()):
            try:
                await self._expire(project)
            except Unreadable as error:
                log.error("Budgets of users stay", project=project, reason=str(error))

    async def _expire(self, project: str) -> None:
        entry = await BudgetLog(self.jetstream).stored(project)
        if entry.active is None:
            return
        budget, stored = rolled(entry.active, now()), await self._stored(project)
        removed = 0
        for subject, records in stored.items():
            sequence = last_to_go(budget, records, now() - KEPT)
            if sequence:
                request = {"filter": subject, "seq": sequence + 1}
                await self.jetstream.api(f"STREAM.PURGE.{STREAM}", request)
                removed += 1
        if removed:
            log.info("Old budgets of users removed", project=project, users=removed)

    async def _stored(self, project: str) -> dict[str, list[Stored]]:
        by_subject: dict[str, list[Stored]] = {}
        async for each in self.jetstream.read_all(STREAM, subjects.money_of(project, "*")):
            by_subject.setdefault(each.subject, []).append(each)
        return by_subject


def last_to_go(budget: BudgetRecord, records: Collection[Stored], before: datetime) -> int:
    """
    Sequence of the last record of a user that may go: all of them where their periods are over, else those
    that were replaced before a time. 0: none.
    """
    *replaced, newest = records
    own = budget_entry(newest).budget
    if own and is_over(budget, own):
        return newest.sequence
    old = [each.sequence for each in (*replaced, newest) if _written(each) < before]
    return old[-2] if len(old) > 1 else 0


def _written(stored: Stored) -> datetime:
    return datetime.fromisoformat(stored.headers["Nats-Time-Stamp"])


async def expire_forever(leases: Leases, expiry: UserBudgetExpiry) -> None:
    """Remove them under a lease, again and again."""
    while True:
        async with leases.acquired(_LEASE) as lost:
            await asyncio.sleep(_FIRST)
            while not lost.is_set():
                await expiry.round()
                await asyncio.sleep(_EVERY)
