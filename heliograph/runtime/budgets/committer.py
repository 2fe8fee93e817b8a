"""
Committer: events that cost money are stored by one commit with the budget that holds their price.

One group of a project is under way at a time, and holds what came while the one before was. Another gateway
that is faster makes the batch fail as a whole: the budget is read again from the leader of the stream, and
decided anew. So no race lets more through than the budget allows, in any number of gateways. A group is one atomic
batch, but a new job alone is two plain messages (`BudgetLog.write_before`), which take half of the time. What this process
wrote last is not read for the next group (see `record_cache`); whoever is refused is refused by what was read.
"""

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence

import structlog

from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.users import BudgetRecords, counted_users
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import HeliographError, QueueFull, Unavailable
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.group_plan import (
    Change,
    GroupPlan,
    Held,
    Refused,
    Waiting,
    WaitingChange,
    WaitingEvent,
    is_new_job_alone,
    next_group,
    plan_group,
)
from heliograph.runtime.budgets.look_ups import LookUpsAhead
from heliograph.runtime.budgets.record_cache import BudgetRecordCache, ReadBudgets
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.budget_log import BudgetLog, Written
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import NO_ROOM, ApiError
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.clock import now

log = structlog.get_logger()

_TRIES = 30  #: of a group, until so many other processes were faster
_PAUSE = 0.02  #: seconds between two of them, at most
_BATCHES = 8  #: of all projects together; the server takes 50 of a stream from all processes


class BudgetCommitter:
    """Group commit of what costs money, for all projects with a budget, in one process."""

    def __init__(self, jetstream: JetStream, budgets: BudgetLog) -> None:
        self._jetstream = jetstream
        self._budgets = budgets
        self._records = BudgetRecordCache(budgets)
        self._look_ups = LookUpsAhead(jetstream)
        self._waiting: dict[str, list[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = asyncio.Semaphore(_BATCHES)

    async def append(
        self,
        event: EventEnvelope,
        expected_last: int,
        plan: str | None = None,
        on_decided: OnDecided | None = None,
    ) -> LogEntry:
        """
        Store an event, if the last one of its job is number `expected_last` and the budget has its price left.

        Args:
            plan: The bulk request whose hold the job takes its price from, where there is one.
            on_decided: As of `EventLog.append`: called when the event is in the record, and not yet in the log.

        Raises:
            OverBudget: Too little is left according to the leader of the stream. Nothing is stored.
            TooManyJobs: The budget's limit of open jobs is reached. Nothing is stored.
            Conflict: The last event of the job is another one.
            Unavailable, QueueFull: The event may or may not be stored.
        """
        waiting = WaitingEvent(event, expected_last, plan, on_decided)
        self._enqueue(event.body.project, waiting)
        return await waiting.entry

    async def change(self, project: str, change: Change, users: Collection[str] = ()) -> None:
        """
        Change the budget of a project in another way. Raises what the change does, and as `append`.

        Args:
            change: Of the budgets with the periods that are running. It may be asked several times.
            users: Digests of the users whose budgets it is about, where the project has such budgets.
        """
        waiting = WaitingChange(change, frozenset(users))
        self._enqueue(project, waiting)
        await waiting.made

    def _enqueue(self, project: str, waiting: Waiting) -> None:
        if project in self._waiting:
            self._waiting[project].append(waiting)
        else:
            self._waiting[project] = [waiting]
            task = asyncio.create_task(self._commit_all(project), name=f"budget of {project}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def look_up_ahead(self, project: str, job: str) -> None:
        """Begin to look for a job that is about to come here, if it will be alone as it seems. Raises nothing."""
        record = self._records.sequence_of(project)
        if record and project not in self._waiting:
            self._look_ups.begin(project, job, record)

    async def read(self, job: Record) -> BudgetRecords:
        """
        The budgets that count a new job, with the periods that are running.

        Raises:
            Unavailable: The budget of the project is being set or removed.
        """
        read = await self._records.read(job.project, lambda budget: counted_users(budget, [job]))
        return read.budgets

    async def complete(self, project: str, jobs: Collection[str]) -> bool:
        """
        Store the first event of one of these jobs, if the budget of their project holds its price and it may not be
        in the log: the process that was to store it has died. Returns whether there is such a job; raises Unavailable.
        """
        stored = await self._budgets.stored(project)
        pending = stored.budget.pending if stored.budget else None
        if pending is None or pending.job.id not in jobs:
            return False
        await self._budgets.complete(project)
        return True

    async def _commit_all(self, project: str) -> None:
        queue = self._waiting[project]
        try:
            while queue:
                async with self._running:
                    await self._commit(project, next_group(queue))
                queue[:] = [each for each in queue if not each.is_done]
        finally:
            del self._waiting[project]
            _fail_all(queue, Unavailable("the process ends"))

    async def _commit(self, project: str, group: Sequence[Waiting]) -> None:
        """Every one of a group learns what became of it, but those that a batch has no room for."""
        error: HeliographError = Unavailable("the budget changes too often", retry_after=1)
        try:
            for _ in range(_TRIES):
                if await self._try(project, [each for each in group if not each.is_done]):
                    return
                await asyncio.sleep(random.uniform(0, _PAUSE))  # noqa: S311
        except HeliographError as failure:
            error = failure
        _fail_all(group, error)

    async def _try(self, project: str, group: Sequence[Waiting]) -> bool:
        """Decide, and store what fits. False: another process was faster."""
        if not group:
            return True

        def users_of(budget: BudgetRecord) -> set[str]:
            return set().union(*(each.users(budget) for each in group))

        read = await self._records.known(project, users_of)
        plan = plan_group(read.budgets, group, now())
        if read.is_remembered and (plan.refused or not _has_news(plan, read)):
            read = await self._records.read(project, users_of)
            plan = plan_group(read.budgets, group, now())
        await self._refuse(plan.refused)
        if _has_news(plan, read):
            return await self._store(plan, read)
        _resolve_changes(plan.changes)
        return True

    async def _refuse(self, refused: Sequence[Refused]) -> None:
        """Refuse entries, except known jobs: these are answered whatever the budget has left."""
        events = [each.waiting for each in refused if isinstance(each.waiting, WaitingEvent)]
        await self._refuse_known(events)
        for each in refused:
            each.waiting.refuse(each.error)

    async def _store(self, plan: GroupPlan, read: ReadBudgets) -> bool:
        events = [each.waiting for each in plan.held]
        name = plan.budgets.project.project
        self._records.forget(name)
        try:
            written = await self._write(plan, read)
        except Conflict:
            self._records.forget(name, is_shared=True)
            await self._refuse_known(events)
            return False
        except ApiError as error:
            _fail_all([*events, *plan.changes], _not_stored(error))
        except Unavailable as error:
            _fail_all(plan.changes, error)
            await self._look_up(plan.held, error)
        else:
            self._records.note(read, plan.budgets, written.records)
            _resolve_changes(plan.changes)
            for sequence, each in enumerate(plan.held, written.events):
                each.waiting.store(sequence, each.event)
        return True

    async def _write(self, plan: GroupPlan, read: ReadBudgets) -> Written:
        """Raises Conflict, ApiError and Unavailable, as `BudgetLog`; and QueueFull."""
        project, users = plan.budgets.project, read.changed(plan.budgets)
        messages = [each.message for each in plan.held]
        if not is_new_job_alone(plan, users):
            return await self._budgets.write_with(project, read.sequence, messages, users)
        [held] = plan.held
        if await self._is_known(held.waiting, read):
            raise Conflict(held.event.subject)
        return await self._budgets.write_before(
            project, read.sequence, held.message, held.waiting.on_decided
        )

    async def _is_known(self, waiting: WaitingEvent, read: ReadBudgets) -> bool:
        job = waiting.job
        known = await self._look_ups.is_known(job.project, job.id, read.sequence)
        return bool(await self._lasts([waiting])) if known is None else known

    async def _refuse_known(self, those: Sequence[WaitingEvent]) -> None:
        """A job that has another last event than was expected loses alone."""
        last = await self._lasts(those)
        for each in those:
            sequence, _ = last.get(each.event.subject, (0, None))
            if sequence != each.expected_last:
                each.refuse(Conflict(each.event.subject))

    async def _look_up(self, held: Sequence[Held], error: Unavailable) -> None:
        """Result of a commit without a reply. Events that are missing may still arrive."""
        log.warning("Commit without a reply", reason=str(error))
        last = await self._lasts([each.waiting for each in held])
        for each in held:
            sequence, id_ = last.get(each.event.subject, (0, None))
            if id_ == each.event.id:
                each.waiting.store(sequence, each.event)
            else:
                each.waiting.refuse(error)

    async def _lasts(self, those: Sequence[WaitingEvent]) -> dict[str, tuple[int, str | None]]:
        """Sequence and id of the last event of each job that has one."""
        if not those:
            return {}
        names = [each.event.subject for each in those]
        latest = await self._jetstream.read_lasts(STREAM, names)
        return {each.subject: (each.sequence, each.headers.get("ce-id")) for each in latest}


def _has_news(plan: GroupPlan, read: ReadBudgets) -> bool:
    """Whether there is anything to store."""
    return bool(plan.held) or plan.budgets != read.budgets


def _not_stored(error: ApiError) -> HeliographError:
    if error.err_code in NO_ROOM:
        return QueueFull(f"the stream is full: {error}", retry_after=30)
    return Unavailable(f"the server refuses the commit: {error}", retry_after=1)


def _resolve_changes(those: Iterable[WaitingChange]) -> None:
    for each in those:
        each.store()


def _fail_all(those: Iterable[Waiting], error: HeliographError) -> None:
    for each in those:
        each.refuse(error)
