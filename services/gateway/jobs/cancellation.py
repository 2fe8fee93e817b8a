"""Cancels at once if no worker holds the job; otherwise records a cancel request for its worker."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import structlog

from heliograph.contracts.errors import StateConflict, Unavailable
from heliograph.contracts.job_events import Canceled, CancelRequested
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.contracts.subjects import record_changed
from heliograph.runtime.bus import EventLog, Notify, WorkQueue
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.crash_points import crash_point
from services.gateway.jobs.lookup import load_job

log = structlog.get_logger()

_UNOWNED_STEPS = frozenset({Step.ACCEPTED, Step.RETRY_SCHEDULED, Step.SUBMIT_UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class JobCancellation:
    """Ends jobs on request."""

    events: EventLog
    work: WorkQueue
    notify: Notify

    @retry_on_conflict
    async def cancel(self, job: str, mode: Literal["stop", "detach"]) -> tuple[LogEntry, bool]:
        """
        The job after the request, and whether it changes anything. A canceled job does not change.

        Raises:
            NotFound: The job does not exist.
            StateConflict: The job already has another final state.
        """
        entry = await load_job(self.events, job)
        record = entry.record
        if record.step is Step.CANCELED:
            return entry, False
        if record.step.is_final:
            raise StateConflict(f"the job has {record.status} already")
        is_done = record.internal.cancel if mode == "stop" else record.slot is None
        if is_done:
            return entry, True
        return await self._write(entry, record, mode), True

    async def preempt(self, job: str) -> None:
        """
        Stop a job, and take it out of its slot at once, however long its worker needs to stop.

        Raises:
            NotFound: The job does not exist.
        """
        with suppress(StateConflict):  # it ended by itself
            await self.cancel(job, "stop")
            await self.cancel(job, "detach")

    async def preview(self, job: str) -> Charged:
        """Charge of a job if it is stopped now. Raises NotFound."""
        return charged_if_canceled((await load_job(self.events, job)).record)

    async def _write(
        self, entry: LogEntry, record: Record, mode: Literal["stop", "detach"]
    ) -> LogEntry:
        if mode == "stop" and record.step in _UNOWNED_STEPS:
            event = Canceled(charged=record.charged)
            entry = await transition(self.events, entry, event)
            crash_point("cancel.written")
            try:
                await self.work.purge(record)
                crash_point("cancel.purged")
            except Unavailable:
                log.warning("Canceled job not removed from the queue; its worker will drop it")
        else:
            entry = await transition(self.events, entry, CancelRequested(mode=mode))
            crash_point("cancel.asked")
        await self.notify(record_changed(record.id))
        return entry


def charged_if_canceled(record: Record) -> Charged:
    """Charge of a job if it is stopped now."""
    if not record.cost.estimated:
        return "no"
    if record.step in (Step.SUBMITTING, Step.SUBMITTED) and record.charged == "no":
        return "unknown"
    return record.charged
