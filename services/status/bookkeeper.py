"""
Bookkeeper: settles the ends of jobs in the budgets of their projects; one process, by leader election.

What a job held is released, and what it cost is spent. Each record says up to which event it is settled,
so an event that is read twice is settled once. Settling only ever makes room, so it may be late.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.budgets.record import rolled
from heliograph.contracts.budgets.settlement import movement
from heliograph.contracts.budgets.thresholds import announced
from heliograph.contracts.budgets.users import BudgetRecords, counted_users, settle_job, user_budget
from heliograph.contracts.cloudevents import event_name
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.records import Record
from heliograph.runtime.bus.budget_log import BudgetEntry, BudgetLog
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.threshold_messages import threshold_message
from heliograph.runtime.clock import now
from services.status.live.hub import Hub

log = structlog.get_logger()

_BATCH = 512  #: events that are looked at together
_REST = 0.2  #: seconds between two writes: of a busy project many ends are settled at once
_IDLE = 0.5  #: seconds between looks for a project with a budget, while no project has one
_TRIM_EVERY = 200  #: writes of a project after which its old records go


class MoneyEvent(NamedTuple):
    """An event that moves money."""

    sequence: int
    name: str
    job: Record


class Bookkeeper:
    """
    Settles events in the order of the log.

    Args:
        projects: The bucket `projects`, which its owner watches.
    """

    def __init__(self, bus: NatsBus, hub: Hub, projects: KvCache) -> None:
        self._bus = bus
        self._hub = hub
        self._budgets = BudgetLog(bus.jetstream)
        self._projects = projects
        self._known: dict[str, int] = {}  #: projects that are settled up to the cursor, and writes

    async def run(self) -> None:
        """Wait for the lease, settle until it is lost, and wait again."""
        while True:
            async with self._bus.leases.acquired("bookkeeper") as lost:
                self._known.clear()
                await self._settle_until(lost)

    async def _settle_until(self, lost: asyncio.Event) -> None:
        cursor = self._hub.head
        while not lost.is_set():
            for project in self._with_budget() - self._known.keys():
                await self._catch_up(project)
            if self._known:
                cursor = await self._go_on(cursor)
            else:
                cursor = self._hub.head
                await asyncio.sleep(_IDLE)

    def _with_budget(self) -> set[str]:
        entries = self._projects.every()
        marked = {name for name, entry in entries.items() if entry.readable.get("budget")}
        for project in self._known.keys() - marked:
            del self._known[project]
        return marked

    async def _catch_up(self, project: str) -> None:
        """Settle what a project has in the log, from where its record stands."""
        try:
            budget = (await self._budgets.stored(project)).active
        except Unreadable as error:
            log.error("Budget not readable", project=project, reason=str(error))
            return
        if budget is None:
            return
        self._known[project] = 0
        events: list[MoneyEvent] = []
        every = self._bus.jetstream.read_acknowledged(
            STREAM, subjects.event(project, "*"), budget.settled + 1
        )
        async for stored in every:
            events += self._money_events([stored])
            if len(events) == _BATCH:
                await self._settle(project, events)
                events = []
        await self._settle(project, events)

    async def _go_on(self, cursor: int) -> int:
        """Settle what comes after the cursor, if there is anything. Returns where it stands then."""
        messages = self._hub.buffered_after(cursor, _BATCH)
        if not messages:
            messages, _ = await self._bus.jetstream.read_batch(
                STREAM, subjects.EVENTS, cursor + 1, size=_BATCH
            )
        if not messages:
            await self._hub.wait_beyond(cursor)
            return cursor
        projects: dict[str, list[MoneyEvent]] = defaultdict(list)
        known = (each for each in messages if subjects.parse(each.subject).project in self._known)
        for event in self._money_events(known):
            projects[event.job.project].append(event)
        for project, events in projects.items():
            await self._settle(project, events)
        if projects:
            await asyncio.sleep(_REST)
        return messages[-1].sequence

    def _money_events(self, messages: Iterable[Stored]) -> list[MoneyEvent]:
        events = []
        for stored in messages:
            job = self._bus.events.body(stored)
            if not isinstance(job, Record):
                continue
            name = event_name(stored.headers["ce-type"])
            if any(movement(name, job)):
                events.append(MoneyEvent(stored.sequence, name, job))
        return events

    @retry_on_conflict
    async def _settle(self, project: str, events: list[MoneyEvent]) -> None:
        """A budget that is being set anew is read again from the log, once it is there."""
        if not events:
            return
        entry = await self._budgets.read(project)
        sequence, budget = entry.sequence, entry.active
        if budget is None:
            self._known.pop(project, None)
            return
        at = now()
        current = rolled(budget, at)
        names = counted_users(current, (each.job for each in events))
        stored = await self._budgets.read_users(project, names)
        users = {name: user_budget(current, name, stored[name].budget, at) for name in names}
        after = BudgetRecords(current, users)
        for event in events:
            after = settle_job(after, event.sequence, event.name, event.job)
        if after.project.settled == budget.settled:
            return
        settled, windows = announced(after.project)
        messages = [threshold_message(settled, window, at) for window in windows]
        own = [
            BudgetEntry(stored[name].sequence, each)
            for name, each in after.users.items()
            if each != users[name]
        ]
        if messages or own:
            await self._budgets.write_with(settled, sequence, messages, own)
        else:
            await self._budgets.write(settled, sequence)
        await self._count_write(project)

    async def _count_write(self, project: str) -> None:
        writes = self._known.get(project, 0) + 1
        if writes % _TRIM_EVERY == 0:
            await self._budgets.trim(project)
        if project in self._known:
            self._known[project] = writes
