"""
Sweeper: re-enqueues open jobs without event or message; expires jobs past their deadline.

It decides by the record, not by the read model that told it where to look, and everything it does may be
done twice.
"""

from datetime import datetime, timedelta

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.deadlines import AT_PROVIDER, expiry
from heliograph.contracts.job_events import Expired, ExpireRequested
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus import AccountPermits, EventLog, Notify, WorkQueue
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.logs import job_fields
from services.status.maintenance import sweep_rules
from services.status.maintenance.first_seen_timer import FirstSeenTimer
from services.status.maintenance.lookup_backoff import LookupBackoff
from services.status.maintenance.permit_sweeper import PermitSweeper, job_or_none
from services.status.read_model import ReadModel
from services.status.read_model.rows import IdleJob
from services.status.settings import StatusSettings

log = structlog.get_logger()

_BATCH_SIZE = 500  #: jobs looked at in one round


class Sweeper:
    """Checks the jobs that had no event for a while."""

    def __init__(
        self,
        *,
        events: EventLog,
        work: WorkQueue,
        accounts: AccountPermits,
        notify: Notify,
        read_model: ReadModel,
        catalog: CurrentCatalog,
        settings: StatusSettings,
    ) -> None:
        self._events = events
        self._work = work
        self._permits = PermitSweeper(events, accounts, settings)
        self._notify = notify
        self._read_model = read_model
        self._after = timedelta(seconds=settings.sweep_idle_after)
        self._unknown_expires_after = settings.submit_unknown_expires_after
        self._catalog = catalog
        self._settings = settings
        self._expiring = FirstSeenTimer()  #: jobs whose workers were requested to expire them
        self._lookups = LookupBackoff(
            first=settings.lookup_backoff_min, longest=settings.lookup_backoff_max
        )
        #: where the round before stopped looking; None: at the end
        self._last: IdleJob | None = None

    async def sweep(self) -> None:
        """Sweep once: jobs that are due, idle or undecided, and permits. Raises Unavailable."""
        at = now()
        due = await self._read_model.due(at, at - self._unknown_expires_after, _BATCH_SIZE)
        self._expiring.keep(due)
        for job in due:
            await self._expire(job)
        await self._sweep_idle(at - self._after)
        for job in self._lookups.due(await self._read_model.undecided(), _BATCH_SIZE):
            await self._notify(subjects.look_up(job))
        await self._permits.sweep()

    @retry_on_conflict
    async def _expire(self, job: str) -> None:
        """`finish_by`, or the time limit of an undecided `submit_unknown`."""
        entry = await job_or_none(self._events, job)
        if entry is None or not sweep_rules.is_due(entry.record, self._unknown_expires_after):
            return
        record = entry.record
        event = self._deadline(record)
        if event is None:
            return
        if isinstance(event, Expired) and event.runs_on:
            await self._leave_to_a_worker(record)
        await transition(self._events, entry, event)
        log.info("Deadline passed", event_type=event.name, **job_fields(record))
        if isinstance(event, ExpireRequested):
            crash_point("sweep.asked")
        else:
            crash_point("sweep.expired")
            if not event.runs_on:
                await self._work.purge(record)
        await self._notify(subjects.record_changed(job))

    def _deadline(self, record: Record) -> Expired | ExpireRequested | None:
        """
        The event that a passed deadline causes. One that may be at the provider is left to its worker for as
        long as that may need to stop it; None: it has time left.
        """
        if record.step not in AT_PROVIDER:
            is_settled = record.step.is_unsent or record.step is Step.RENDERED
            return expiry(record, "no" if is_settled else "unknown")
        if not record.internal.expire:
            return ExpireRequested()
        allowed = sweep_rules.max_stop_seconds(record, self._catalog.current, self._settings)
        if self._expiring.seconds(record.id) < allowed:
            return None
        return expiry(record, "unknown", runs_on=True)

    async def _leave_to_a_worker(self, record: Record) -> None:
        """A worker needs a message to follow the request."""
        if not await self._work.has_work(record.id):
            await self._work.enqueue(ticket_for(record))

    async def _sweep_idle(self, at: datetime) -> None:
        """
        After the last one looked at: most of those that nothing happens to are only waiting for
        their turn, and those behind them must get theirs.
        """
        quiet = await self._read_model.unchanged_since(at, _BATCH_SIZE, self._last)
        for each in quiet:
            self._last = each
            await self._requeue(each.id)
        if len(quiet) < _BATCH_SIZE:
            self._last = None

    async def _requeue(self, job: str) -> None:
        """Enqueue a job without events and messages where its step needs it."""
        entry = await job_or_none(self._events, job)
        if entry is None:
            return
        record = entry.record
        is_recent = now() - record.internal.changed_at < self._after
        if is_recent or not sweep_rules.needs_work(record) or await self._work.has_work(job):
            return
        if record.step is not Step.RENDERED and not await self._work.has_room():
            return  # the next round, or one after it
        crash_point("sweep.found")
        log.warning("Idle job re-enqueued", step=str(record.step), **job_fields(record))
        if record.step is Step.RENDERED:
            await self._work.publish_store(record.project, job)
        else:
            await self._work.enqueue(ticket_for(record))
