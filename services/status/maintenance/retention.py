"""
Retention: prunes the jobs that a project's rules do not keep, and deletes their objects.

In this order, and each step can be repeated: the version is withdrawn from its slot, so that it cannot
be restored any more; `pruned` is written, and with it the job is gone from lists and slots; when no job
that works from it can have been accepted meanwhile, its objects are removed from the store. The record
stays on its subject (for ever by default, see `HELIOGRAPH_IDEMPOTENCY_RETENTION`), as its key is looked up there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from heliograph.contracts.errors import Unreadable
from heliograph.contracts.job_events import Pruned
from heliograph.contracts.retention import Retention
from heliograph.runtime.bus import EventLog, SlotClaims
from heliograph.runtime.bus.conflicts import Conflict, retry_on_conflict
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.status.maintenance.retention_policy import PrunePlan, choose, is_current
from services.status.read_model import ReadModel
from services.status.read_model.rows import FinishedJob

log = structlog.get_logger()

_BATCH_SIZE = 2_000  #: jobs before another look at what is needed by now

Retentions = Callable[[], Awaitable[Mapping[str, Retention]]]  #: what projects keep, by name
WaitForReadModel = Callable[[], Awaitable[None]]  #: until it has everything in the log
Remove = Callable[[str], Awaitable[int]]  #: the objects of a job; how many there were


@dataclass(frozen=True, kw_only=True)
class RetentionEnforcer:
    """Applies the retention rules of projects. Every method raises Unavailable; then begin again."""

    events: EventLog
    slots: SlotClaims
    read_model: ReadModel
    retentions: Retentions
    wait_for_log: WaitForReadModel
    remove: Remove
    grace_period: float  #: seconds that objects outlive their job

    async def plan(self, project: str, retention: Retention) -> PrunePlan:
        """Dry run: jobs that would be pruned now."""
        await self.wait_for_log()
        claims = await self.slots.read_all(project)
        restored = {slot: claim.restored for slot, claim in claims.items()}
        at = now()
        ended = await self.read_model.ended(project, retention.least, at)
        return await asyncio.to_thread(choose, ended, retention, restored, at)

    async def apply(self) -> bool:
        """Apply the rules once to all projects. Returns whether there are objects still to be removed."""
        for project, retention in (await self.retentions()).items():
            if retention.is_limited:
                await self._apply(project, retention)
        return await self._delete_objects()

    async def _apply(self, project: str, retention: Retention) -> None:
        await self._finish(project)
        while going := [job for job, _ in (await self.plan(project, retention)).going]:
            for slot, jobs in _by_slot(going[:_BATCH_SIZE]).items():
                if slot is None:
                    for job in jobs:
                        await self._prune(job.id)
                else:
                    with suppress(Unreadable):  # its current version is unknown
                        await self._withdraw(project, slot, jobs)
            log.info("Retention applied", project=project, jobs=len(going[:_BATCH_SIZE]))
            if len(going) <= _BATCH_SIZE:
                return

    async def _finish(self, project: str) -> None:
        """Finish prunings that a crash interrupted, whatever the current rules are."""
        for slot, claim in (await self.slots.read_all(project)).items():
            if claim.withdrawn:
                await self._prune_versions(project, slot, claim.withdrawn)

    @retry_on_conflict
    async def _withdraw(self, project: str, slot: str, versions: list[FinishedJob]) -> None:
        """Take versions out of a slot, all but one that was restored since they were chosen."""
        seen = await self.slots.read(project, slot)
        going = frozenset(
            each.id
            for each in versions
            if not is_current(each.version, each.versions, seen.restored)
        )
        await self.slots.withdraw(project, slot, seen.withdrawn | going, seen)
        crash_point("clean.withdrawn")
        await self._prune_versions(project, slot, going)

    async def _prune_versions(self, project: str, slot: str, jobs: frozenset[str]) -> None:
        """Prune what is withdrawn; then it need not be noted any more."""
        for job in jobs:
            await self._prune(job)
        seen = await self.slots.read(project, slot)
        with suppress(Conflict):  # another process was faster: the next round looks again
            await self.slots.withdraw(project, slot, seen.withdrawn - jobs, seen)

    @retry_on_conflict
    async def _prune(self, job: str) -> None:
        try:
            entry = await self.events.job(job)
        except Unreadable:
            return
        if entry is None or entry.record.pruned_at:
            return
        await transition(self.events, entry, Pruned(ended=entry.record.ended(entry.sequence)))
        crash_point("clean.pruned")

    async def _delete_objects(self) -> bool:
        """
        Remove the objects of what was pruned a while ago; whether there are others that have to wait.

        A job that refers to it saw it before it was pruned, and is in the log by now: then its objects
        stay for as long as they are needed.
        """
        await self.wait_for_log()
        skipped: set[str] = set()
        grace = timedelta(seconds=self.grace_period)
        while jobs := set(await self.read_model.unemptied(now() - grace, _BATCH_SIZE)) - skipped:
            for job in jobs:
                try:
                    objects = await self.remove(job)
                except Unreadable:
                    skipped.add(job)
                    continue
                crash_point("clean.removed")
                await self.read_model.objects_deleted([job])
                log.info("Objects removed", job=job, objects=objects)
        return bool(await self.read_model.unemptied(now(), 1))


def _by_slot(going: Iterable[FinishedJob]) -> dict[str | None, list[FinishedJob]]:
    """Versions by their slots; jobs that are not versions are under None."""
    slots: dict[str | None, list[FinishedJob]] = {}
    for job in going:
        slots.setdefault(job.slot if job.version else None, []).append(job)
    return slots
