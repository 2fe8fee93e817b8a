"""
Log compaction: old jobs keep only their last event, and ended jobs shrink when space is short.

Of jobs that ended long ago only the last event is kept. That one stays as long as keys are kept (see
`record_expiry`): it is what the job's key stands for, so no key can pay twice. When the log, or the
share of a project, is nearly full, jobs that ended a day ago are shrunk to what has to stay; and when there
is hardly any room left for what runs, every job is left with its last event, which carries the whole record.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.compaction import MAX_COMPACTED_BYTES
from heliograph.contracts.job_events import Compacted
from heliograph.contracts.log_budget import share
from heliograph.contracts.state_machine.transitions import IllegalTransition
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from services.status.maintenance.record_expiry import RecordExpiry
from services.status.read_model import ReadModel
from services.status.read_model.rows import History
from services.status.settings import StatusSettings

log = structlog.get_logger()

_LEASE = "janitor"  #: name of the lease: older processes of a rolling upgrade hold it by this one
_BATCH_SIZE = 500
_WORTH_IT = MAX_COMPACTED_BYTES + 1_024  #: bytes of a last event that is worth another one
_PROJECTS = 100  #: those that take most, looked at under pressure


class LogSpace(NamedTuple):
    """Usage of the event log, in bytes."""

    used: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class LogCompaction:
    """Makes room in the event log. Every method raises Unavailable."""

    events: EventLog
    jetstream: JetStream
    read_model: ReadModel
    purges: Purges
    expiry: RecordExpiry
    settings: StatusSettings

    async def round(self) -> bool:
        """One round. Returns whether there is more to do at once."""
        room = await self._room()
        done = await self._trim(now() - self.settings.event_retention)
        if room.used >= self.settings.trim_at * room.limit:
            done += await self._drop(await self.read_model.histories(_BATCH_SIZE))
        for project in await self._pressed(room):
            done += await self._compact(project)
        return done + await self.expiry.round() > 0

    async def _room(self) -> LogSpace:
        info = await self.jetstream.api(f"STREAM.INFO.{STREAM}")
        return LogSpace(info["state"]["bytes"], info["config"]["max_bytes"])

    async def _pressed(self, room: LogSpace) -> list[str | None]:
        """Projects whose share is nearly full; None: all of them."""
        usage = await self.read_model.usage(_PROJECTS)
        limit = int(self.settings.compact_at * room.limit)
        taken = room.used + usage.reserve
        if taken >= limit:
            return [None]
        return [name for name, own in usage.projects.items() if own >= share(limit, taken - own)]

    async def _compact(self, project: str | None) -> int:
        """Jobs that ended long enough ago: first their histories go, then most of what is left."""
        before = now() - self.settings.compact_after
        trimmed = await self._trim(before, project)
        large = await self.read_model.compactable(before, _WORTH_IT, _BATCH_SIZE, project)
        compacted = 0
        for job in large:
            compacted += await compact(self.events, job, self.settings.compact_after)
        if compacted:
            log.info("Jobs compacted", jobs=compacted, project=project)
        return trimmed + compacted

    async def _trim(self, finished_before: datetime, project: str | None = None) -> int:
        return await self._drop(
            await self.read_model.untrimmed(finished_before, _BATCH_SIZE, project)
        )

    async def _drop(self, histories: list[History]) -> int:
        """Remove all but the last event of each job. The removal is noted before it happens."""
        newest: dict[str, int] = {}
        for each in histories:
            newest[each.project] = max(each.newest, newest.get(each.project, 0))
        for project, sequence in newest.items():
            await self.purges.note(project, sequence)
        for each in histories:
            # not `keep: 1`: what came after the last event that we could read stays, too
            request = {"filter": subjects.event(each.project, each.id), "seq": each.sequence}
            await self.jetstream.api(f"STREAM.PURGE.{STREAM}", request)
        if histories:
            await self.read_model.trimmed([each.id for each in histories])
        return len(histories)


async def compact(events: EventLog, job: str, after: timedelta) -> bool:
    """Shrink a job that ended so long ago, once. Raises Unavailable and QueueFull."""
    entry = await events.job(job)
    if entry is None:
        return False
    record = entry.record
    if record.finished_at is None or now() - record.finished_at < after:
        return False
    event = Compacted(ended=record.ended(entry.sequence), replaces=entry.sequence)
    try:
        await transition(events, entry, event)
    except (Conflict, IllegalTransition):
        return False
    return True


async def compact_forever(
    bus: NatsBus, compaction: LogCompaction, settings: StatusSettings
) -> None:
    """Make room under a lease, again and again."""
    while True:
        async with bus.leases.acquired(_LEASE) as lost:
            while not lost.is_set():
                if not await compaction.round():
                    await asyncio.sleep(settings.compaction_interval)
