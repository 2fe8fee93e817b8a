"""Sweeper of account permits: frees those of jobs that need no provider any more."""

from datetime import timedelta

from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus import AccountPermits, EventLog
from heliograph.runtime.bus.log_entries import JobEntry
from heliograph.runtime.clock import now
from services.status.maintenance import sweep_rules
from services.status.maintenance.first_seen_timer import FirstSeenTimer
from services.status.settings import StatusSettings


class PermitSweeper:
    """Looks at the holders of permits."""

    def __init__(
        self, events: EventLog, accounts: AccountPermits, settings: StatusSettings
    ) -> None:
        self._events = events
        self._accounts = accounts
        self._after = timedelta(seconds=settings.sweep_idle_after)
        self._running_on = FirstSeenTimer()  #: jobs that are over, and may run on at the provider

    async def sweep(self) -> None:
        """Sweep once over all accounts. Raises Unavailable."""
        held = [job for account in self._accounts.names() for job in await self._free(account)]
        self._running_on.keep(held)

    async def _free(self, account: str) -> list[str]:
        """
        Permits of jobs that need no provider any more, or have had their time there. Returns the jobs
        that held one.
        """
        holders = (await self._accounts.usage(account)).holders
        for job, seen in holders.items():
            entry = await job_or_none(self._events, job)
            if entry is None:
                continue
            record = entry.record
            if record.runs_on:
                is_over = self._running_on.seconds(job) > record.internal.timeout_seconds
            else:
                is_over = (
                    sweep_rules.needs_no_permit(record)
                    and now() - record.internal.changed_at > self._after
                )
            if is_over:
                await self._accounts.release(account, job, seen + 1)
        return list(holders)


async def job_or_none(events: EventLog, job: str) -> JobEntry | None:
    """The last event of a job; None also where it cannot be read: its next step is unknown."""
    try:
        return await events.job(job)
    except Unreadable:
        return None
