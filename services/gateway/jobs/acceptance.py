"""
Acceptance of a job: claim its slot, append `accepted`, enqueue it; only then answer 202.

The first event on a job's subject decides what its key means, for ever. Every step can be repeated
and every race is settled by a compare, so a request that is sent twice, or cut in half by a crash
and sent again, makes one job.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from heliograph.contracts.errors import (
    IdempotencyKeyReused,
    QueueFull,
    SlotBusy,
    StateConflict,
    Unreadable,
)
from heliograph.contracts.job_events import Succeeded
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Marker, Record, Step
from heliograph.runtime.bus import (
    Conflict,
    EventLog,
    JobEntry,
    LogEntry,
    SlotClaims,
    WorkQueue,
    append_event,
    now,
    transition,
)
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.logs import job_fields

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AcceptResult:
    """The answer to a request for a job."""

    entry: LogEntry  #: of the job that is the answer
    deduplicated: bool = False  #: it was there before, made by another request
    replayed: bool = False  #: the key was used before, for the same

    @property
    def job(self) -> Record:
        return self.entry.record


@dataclass(frozen=True, kw_only=True)
class PendingJob:
    """What is to be accepted."""

    job: str  #: the id it will have
    keyed: bool  #: it may be sent again under the same id
    #: whether a body with this digest, made for this model, is the same body
    is_same: Callable[[str, str], bool]
    #: the first record; only asked for when the key is new, and may refuse
    draft: Callable[[], Awaitable[Record]]


class JobAcceptance:
    """Accepts jobs. `claim_timeout` is seconds, see `GatewaySettings.slot_claim_timeout`."""

    def __init__(
        self, events: EventLog, work: WorkQueue, slots: SlotClaims, *, claim_timeout: float = 10.0
    ) -> None:
        self._events = events
        self._work = work
        self._slots = slots
        self._claim_timeout = claim_timeout

    async def accept(self, order: PendingJob) -> AcceptResult:
        """
        Make the job, or find the one that is the answer already.

        Raises:
            IdempotencyKeyReused: The key stands for another body; use a new one.
            StateConflict: It was given up while it claimed a slot; send it as a new request.
            SlotBusy: Another job, with other inputs, is filling the slot.
            Unavailable, QueueFull: It may or may not be accepted: send it again, with its key.
        """
        record: Record | None = None
        may_be_known = order.keyed
        while True:
            try:
                entry = await self._events.last(order.job) if may_be_known else None
                if entry is not None:
                    return await self._replay(order, entry)
                record = record or await order.draft()
                return await self._admit(order, record)
            except Conflict:
                may_be_known = True  # it may have been fenced off

    async def check(self, order: PendingJob) -> Record | None:
        """
        The first record of an order whose key is new, without accepting anything.

        Raises:
            SlotBusy: It would be refused, if it was accepted now.
        """
        if order.keyed and await self._events.last(order.job):
            return None
        record = await order.draft()
        if record.slot:
            seen = await self._slots.read(record.project, record.slot)
            other = await self._in_slot(seen.job) if seen.job else None
            running = other.as_job() if other else None
            if running and _occupies(running.record, record.slot):
                _check_same(record, running.record)
        return record

    async def _replay(self, order: PendingJob, entry: LogEntry) -> AcceptResult:
        """What the key was answered with before."""
        body = entry.body
        if isinstance(body, Marker):
            return await self._replay_marker(order, body)
        if not order.is_same(body.internal.body_digest, body.model):
            raise IdempotencyKeyReused
        if body.step is Step.ACCEPTED:
            entry = await self._enqueue_or_finish(entry, body)
        return AcceptResult(entry=entry, replayed=True)

    async def _replay_marker(self, order: PendingJob, marker: Marker) -> AcceptResult:
        if marker.answer is None:
            reason = "the request lost its slot before it was accepted; send it with a new key"
            raise StateConflict(reason)
        other = await self._events.last(marker.answer)
        assert other is not None
        if not order.is_same(marker.body_digest or "", other.record.model):
            raise IdempotencyKeyReused
        return AcceptResult(entry=other, deduplicated=True, replayed=True)

    async def _admit(self, order: PendingJob, record: Record) -> AcceptResult:
        if record.slot:
            running = await self._claim(order, record, record.slot)
            if running:
                return running
        at = now()
        internal = record.internal.model_copy(update={"changed_at": at})
        accepted = record.model_copy(update={"created_at": at, "internal": internal})
        entry = await append_event(self._events, "accepted", accepted, 0, at)
        crash_point("accept.written")
        return AcceptResult(entry=await self._enqueue_or_finish(entry, accepted))

    async def _enqueue_or_finish(self, entry: LogEntry, accepted: Record) -> LogEntry:
        """Into the queue; or, where its result is there already, straight to its end."""
        reused = accepted.internal.reused
        if reused is None:
            await enqueue_or_leave(self._work, accepted)
            crash_point("accept.queued")
            return entry
        try:
            entry = await transition(self._events, entry, Succeeded(assets=reused.assets))
        except Conflict:  # somebody was faster, or canceled it
            return await self._events.last(accepted.id) or entry
        crash_point("accept.reused")
        return entry

    async def _claim(self, order: PendingJob, record: Record, slot: str) -> AcceptResult | None:
        """Put the job's name on its slot; or the job that is there, when it is the answer."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            seen = await self._slots.read(record.project, slot)
            if seen.job == record.id:
                return None
            other = await self._in_slot(seen.job) if seen.job else None
            if seen.job is None or other is not None:
                break
            if clock() - began > self._claim_timeout:
                await self._tombstone_claimant(record.project, seen.job)
                break
            await asyncio.sleep(min(0.5, self._claim_timeout / 20))
        running = other.as_job() if other else None
        if running and _occupies(running.record, slot):
            return await self._answer_with(order, record, running)
        await self._slots.claim(record.project, slot, record.id, seen)
        crash_point("accept.claimed")
        return None

    async def _in_slot(self, job: str) -> LogEntry | None:
        """
        Raises:
            SlotBusy: Nobody can read how far the job is that claimed the slot, so it keeps it.
        """
        try:
            return await self._events.last(job)
        except Unreadable as error:
            reason = f"{job} fills it, and its last event cannot be read: {error}"
            raise SlotBusy(reason, job=job) from None

    async def _tombstone_claimant(self, project: str, job: str) -> None:
        """A claimant that was never accepted never will be: its first event is taken."""
        marker = Marker(id=job, project=project, marker="fenced")
        await append_event(self._events, "canceled", marker, 0)
        crash_point("accept.fenced")

    async def _answer_with(
        self, order: PendingJob, record: Record, running: JobEntry
    ) -> AcceptResult:
        _check_same(record, running.record)
        if order.keyed:
            marker = Marker(
                id=record.id,
                project=record.project,
                marker="deduplicated",
                answer=running.record.id,
                body_digest=record.internal.body_digest,
                correlation_id=record.internal.correlation_id,
            )
            await append_event(self._events, "deduplicated", marker, 0)
            crash_point("accept.deduplicated")
        return AcceptResult(entry=running, deduplicated=True)


async def enqueue_or_leave(work: WorkQueue, record: Record) -> None:
    """
    Into the queue. Where that is full, the sweeper does it later: what is in the log is durable.

    Raises:
        Unavailable: It may or may not be in the queue.
    """
    try:
        await work.enqueue(ticket_for(record))
    except QueueFull as error:
        log.warning(
            "Job not enqueued; the sweeper will enqueue it", reason=str(error), **job_fields(record)
        )


def _check_same(record: Record, running: Record) -> None:
    """Raises SlotBusy unless the job that is filling the slot gives what is asked for."""
    if running.internal.input_digest == record.internal.input_digest:
        return
    raise SlotBusy(
        f"{running.id} is filling {running.slot}",
        job=running.id,
        next_actions=[
            NextAction(kind="wait", label=f"Wait for {running.id}"),
            NextAction(
                kind="replace", label=f"Cancel {running.id} for this", patch={"replace": True}
            ),
        ],
    )


def _occupies(job: Record, slot: str) -> bool:
    """Whether a job keeps its slot busy."""
    return not job.step.is_final and job.slot == slot
