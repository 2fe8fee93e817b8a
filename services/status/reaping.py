"""
The reaper: what a crash left half done goes on, what is past its deadline ends.

It decides by the record, not by the read model that told it where to look, and does nothing that
could not be done twice.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.errors import Deadline
from heliograph.contracts.facts import Expired
from heliograph.contracts.problems import Charged, NextAction
from heliograph.contracts.records import Record, Step
from heliograph.runtime.bus import Accounts, Entry, EventLog, Hint, Lost, WorkQueue, advance, now
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.bus.orphans import delete_orphans
from heliograph.runtime.bus.work import ticket_for
from heliograph.runtime.crashing import crash_point
from heliograph.runtime.logs import job_fields
from services.status.ledgers import Ledger, Quiet
from services.status.settings import StatusSettings

log = structlog.get_logger()

SOURCE = "heliograph/status"

_WORK_QUEUES = ("WORK", "REQUESTS")  #: streams whose messages go when they are acknowledged
_AT_ONCE = 500  #: jobs looked at in one round
_NEEDS_NO_ACCOUNT = frozenset({Step.RENDERED, Step.SUBMIT_UNKNOWN})


class Searches:
    """When to look again for each request that nobody knows of: less and less often."""

    def __init__(self, *, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._next: dict[str, tuple[float, float]] = {}  #: job -> when, and the pause after it

    def due(self, undecided: Iterable[str], most: int) -> list[str]:
        """Whose time came first, if it has come. Jobs that were decided are forgotten."""
        clock = asyncio.get_running_loop().time()
        fresh = (clock + self._first, 2 * self._first)
        self._next = {job: self._next.get(job, fresh) for job in undecided}
        waiting = sorted((at, job) for job, (at, _) in self._next.items() if at <= clock)
        ripe = [job for _, job in waiting[:most]]
        for job in ripe:
            pause = self._next[job][1]
            self._next[job] = (clock + pause, min(2 * pause, self._longest))
        return ripe


class Reaper:
    """Looks at the jobs nothing happened to for a while."""

    def __init__(
        self,
        events: EventLog,
        work: WorkQueue,
        accounts: Accounts,
        hint: Hint,
        ledger: Ledger,
        settings: StatusSettings,
    ) -> None:
        self._events = events
        self._work = work
        self._accounts = accounts
        self._hint = hint
        self._ledger = ledger
        self._after = timedelta(seconds=settings.reap_after)
        self._unknown_after = settings.unknown_after
        self._searches = Searches(first=settings.look_up_first, longest=settings.look_up_longest)
        self._last: Quiet | None = None  #: where the round before stopped looking; None: at the end

    async def sweep(self) -> None:
        """One round. Raises Unavailable."""
        at = now()
        for job in await self._ledger.due(at, at - self._unknown_after, _AT_ONCE):
            await self._expire(job)
        await self._look_on(at - self._after)
        for job in self._searches.due(await self._ledger.undecided(), _AT_ONCE):
            await self._hint(subjects.look_up(job))
        for account in self._accounts.names():
            await self._free(account)

    async def _read(self, job: str) -> tuple[Entry, Record] | None:
        entry = await self._events.last(job)
        if entry is None or not isinstance(entry.body, Record):
            return None
        return entry, entry.body

    async def _expire(self, job: str) -> None:
        """`finish_by`, or a `submit_unknown` that nobody decided."""
        while True:
            found = await self._read(job)
            if found is None or not is_due(found[1], self._unknown_after):
                return
            entry, record = found
            try:
                await advance(self._events, entry, expiry(record), SOURCE)
            except Lost:
                continue
            log.info("Job expired", **job_fields(record))
            crash_point("sweep.expired")
            await self._work.purge(record)
            await self._hint(subjects.cancel(job))
            return

    async def _look_on(self, at: datetime) -> None:
        """
        After the last one looked at: most of those that nothing happens to are only waiting for
        their turn, and those behind them must get theirs.
        """
        quiet = await self._ledger.unchanged_since(at, _AT_ONCE, self._last)
        for each in quiet:
            self._last = each
            await self._put_back(each.id)
        if len(quiet) < _AT_ONCE:
            self._last = None

    async def _put_back(self, job: str) -> None:
        """No event and no message: put the job where its step needs it."""
        found = await self._read(job)
        if found is None:
            return
        record = found[1]
        if now() - record.internal.changed_at < self._after or not needs_work(record):
            return
        if await self._work.has_work(job):
            return
        crash_point("sweep.found")
        log.warning("Job put back", step=str(record.step), **job_fields(record))
        if record.step is Step.RENDERED:
            await self._work.publish_store(record.project, job)
        else:
            await self._work.enqueue(ticket_for(record))

    async def _free(self, account: str) -> None:
        """Places of jobs that need no provider any more."""
        for job, seen in (await self._accounts.places(account)).holders.items():
            found = await self._read(job)
            if found is None:
                continue
            record = found[1]
            idle = record.step.is_final or record.step in _NEEDS_NO_ACCOUNT
            if idle and now() - record.internal.changed_at > self._after:
                await self._accounts.free(account, job, seen + 1)


def needs_work(record: Record) -> bool:
    """Whether a job goes on only if a message is under way for it."""
    return not record.step.is_final and record.step is not Step.SUBMIT_UNKNOWN


def is_due(record: Record, unknown_after: timedelta) -> bool:
    """Whether a deadline of the job has passed."""
    if record.step.is_final:
        return False
    if record.finish_by and record.finish_by <= now():
        return True
    undecided = record.step is Step.SUBMIT_UNKNOWN
    return undecided and now() - record.internal.changed_at >= unknown_after


def expiry(record: Record) -> Expired:
    """How a job ends by its deadline, and what it may have cost."""
    sent = not record.step.is_unsent and record.step is not Step.RENDERED
    charged: Charged = "unknown" if sent and record.charged == "no" else record.charged
    if not record.cost.estimated:
        charged = "no"
    problem = Deadline(
        charged=charged, next_actions=[NextAction(kind="retry", label="Try again as a new job")]
    ).problem()
    return Expired(problem=problem, charged=charged)


async def reap_for_ever(bus: NatsBus, reaper: Reaper, *, every: float) -> None:
    """Sweep under a lease, every so many seconds."""
    while True:
        async with bus.leases.held("reaper") as lost:
            while not lost.is_set():
                for stream in _WORK_QUEUES:
                    for subject in await delete_orphans(bus.jetstream, stream):
                        log.warning("Orphan deleted", subject=subject)
                await reaper.sweep()
                await asyncio.sleep(every)
