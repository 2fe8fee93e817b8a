"""
Acceptance of a job: claim its slot, append `accepted`, enqueue it; only then respond with 202. It is enqueued while
`accepted` is being stored, where the budget has decided that it will be.

The first event on a job's subject decides its key, as long as the job's record is kept. Every step can
be repeated and every race is decided by a compare, so a request that is sent twice, or interrupted by a
crash and sent again, makes one job.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from heliograph.contracts.errors import (
    IdempotencyKeyReused,
    OverBudget,
    SlotBusy,
    StateConflict,
    TooManyJobs,
    Unreadable,
)
from heliograph.contracts.job_events import Succeeded
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Marker, Record
from heliograph.runtime.budgets.job_budgets import JobBudgets, NoBudgets
from heliograph.runtime.bus import EventLog, SlotClaim, SlotClaims, WorkQueue
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.gateway.idempotency import RequestIdentity, SameBody
from services.gateway.jobs.job_tickets import NewTicket


@dataclass(frozen=True, kw_only=True)
class AcceptResult:
    """The result of a request for a job."""

    entry: LogEntry  #: of the job that the request stands for
    deduplicated: bool = False  #: it was there before, made by another request
    replayed: bool = False  #: the key was used before, for the same

    @property
    def job(self) -> Record:
        return self.entry.record


@dataclass(frozen=True)
class OwnClaim:
    """A slot that names the job which is about to be accepted."""

    slot: str
    before: str | None  #: the job that it named before; null where that is not known
    claim: SlotClaim


@dataclass(frozen=True, kw_only=True)
class JobAcceptance:
    """Accepts jobs."""

    events: EventLog
    work: WorkQueue
    slots: SlotClaims
    budgets: JobBudgets = field(default_factory=NoBudgets)
    claim_timeout: float = 10.0  #: seconds, see `GatewaySettings.slot_claim_timeout`

    async def replay(self, identity: RequestIdentity, is_same: SameBody) -> AcceptResult | None:
        """
        Replay of a repeated request (idempotency). None: it is new. A request that cannot be repeated needs
        no read.

        Raises:
            IdempotencyKeyReused: The key was used with another body; the caller must use a new key.
            StateConflict: Another request fenced this one off while it claimed a slot; use a new key.
            Unavailable: The log does not respond; repeat the request with its key.
        """
        if not identity.is_repeatable:
            return None
        if known := await self._find(identity.job, is_same):
            return known
        if await self.budgets.complete(identity.project, [identity.job]):
            return await self._find(identity.job, is_same)
        return None

    async def accept(
        self, record: Record, identity: RequestIdentity, is_same: SameBody
    ) -> AcceptResult:
        """
        Make the job of a first record, or find the one that the request stands for already.

        Raises:
            IdempotencyKeyReused, StateConflict: As for `replay`; the same request was faster.
            SlotBusy: An open job with other inputs fills the slot.
            OverBudget, TooManyJobs: The job is not accepted. The key may be sent again.
            Unavailable, QueueFull: The job may or may not be accepted; repeat the request with its key.
        """
        while True:
            try:
                with suppress(Conflict):
                    return await self._accept(record, identity)
            except (OverBudget, TooManyJobs):
                if known := await self._find(record.id, is_same):
                    return known
                raise
            if known := await self._find(record.id, is_same):  # it may have been fenced off
                return known

    async def is_known(self, identity: RequestIdentity) -> bool:
        """
        Whether a request was accepted before, or its id is taken. In a project with a budget, store its
        pending event first.
        """
        return identity.is_repeatable and await self.events.last(identity.job) is not None

    async def check_slot(self, record: Record) -> bool:
        """
        Whether the request would stand for the job that is filling the slot, if it were accepted now.

        Raises:
            SlotBusy: An open job with other inputs fills the slot.
        """
        if not record.slot:
            return False
        seen = await self.slots.read(record.project, record.slot)
        other = await self._in_slot(seen.job) if seen.job else None
        running = other.as_job() if other else None
        if running is None or not _occupies(running.record, record.slot):
            return False
        _check_same(record, running.record)
        return True

    async def _find(self, job: str, is_same: SameBody) -> AcceptResult | None:
        entry = await self.events.last(job)
        if entry is None:
            return None
        body = entry.body
        if isinstance(body, Marker):
            return await self._replay_marker(body, is_same)
        if not is_same(body.internal.body_digest, body.model):
            raise IdempotencyKeyReused
        if body.step is Step.ACCEPTED:
            entry = await self._enqueue_or_finish(entry, body, NewTicket(self.work, body))
        return AcceptResult(entry=entry, replayed=True)

    async def _replay_marker(self, marker: Marker, is_same: SameBody) -> AcceptResult:
        if marker.marker == "fenced":
            reason = "another request took the slot before this one was accepted; use a new key"
            raise StateConflict(reason)
        other = await self.events.last(marker.other_job) if marker.other_job else None
        if other is None:
            raise Unreadable(f"{marker.id} stands for a job that the log does not have")
        if not is_same(marker.body_digest or "", other.record.model):
            raise IdempotencyKeyReused
        return AcceptResult(entry=other, deduplicated=True, replayed=True)

    async def _accept(self, record: Record, identity: RequestIdentity) -> AcceptResult:
        """Raises Conflict: another process wrote on the job's subject, or claimed the slot."""
        claim = await self._claim(record, record.slot, identity) if record.slot else None
        if isinstance(claim, AcceptResult):
            return claim
        at = now()
        internal = record.internal.model_copy(update={"changed_at": at})
        accepted = record.model_copy(update={"created_at": at, "internal": internal})
        ticket = NewTicket(self.work, accepted)
        try:
            entry = await append_event(
                self.events, "accepted", accepted, 0, at, on_decided=ticket.begin
            )
        except (OverBudget, TooManyJobs):
            crash_point("accept.refused")
            await self._give_back(record, claim)
            raise
        crash_point("accept.written")
        return AcceptResult(entry=await self._enqueue_or_finish(entry, entry.record, ticket))

    async def _enqueue_or_finish(
        self, entry: LogEntry, accepted: Record, ticket: NewTicket
    ) -> LogEntry:
        """Enqueue the job; or write its end, if its result is stored already."""
        reused = accepted.internal.reused
        if reused is None:
            await ticket.put()
            crash_point("accept.queued")
            return entry
        try:
            entry = await transition(self.events, entry, Succeeded(assets=reused.assets))
        except Conflict:  # another process was faster, or it was canceled
            return await self.events.last(accepted.id) or entry
        crash_point("accept.reused")
        return entry

    async def _claim(
        self, record: Record, slot: str, identity: RequestIdentity
    ) -> AcceptResult | OwnClaim | None:
        """Claim the slot for the job; or deduplicate it with the job that is filling it."""
        seen, other = await self._wait_for_slot(record, slot)
        if seen.job == record.id:
            return await self._renew(record, slot, seen)
        running = other.as_job() if other else None
        if running and _occupies(running.record, slot):
            return await self._deduplicate(record, running, identity)
        await self.budgets.check(record)
        claim = await self.slots.claim(record.project, slot, record.id, seen)
        crash_point("accept.claimed")
        return OwnClaim(slot, seen.job, claim)

    async def _wait_for_slot(self, record: Record, slot: str) -> tuple[SlotClaim, LogEntry | None]:
        """
        Wait until the claimant of a slot was accepted. After the timeout it is fenced off, and never accepted.

        Returns the claim, and the last event of a claimant other than this job.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            seen = await self.slots.read(record.project, slot)
            if seen.job is None or seen.job == record.id:
                return seen, None
            if other := await self._in_slot(seen.job):
                return seen, other
            if clock() - began > self.claim_timeout:
                await self._tombstone_claimant(record.project, seen.job)
                return seen, None
            await asyncio.sleep(min(0.5, self.claim_timeout / 20))

    async def _renew(self, record: Record, slot: str, seen: SlotClaim) -> OwnClaim | None:
        """
        Go on with a claim that an earlier try of the request made. Where a budget applies, that try may
        still release the claim, so the slot is claimed again.
        """
        if not self.budgets.applies_to(record):
            return None
        return OwnClaim(slot, None, await self.slots.claim(record.project, slot, record.id, seen))

    async def _give_back(self, record: Record, claim: OwnClaim | None) -> None:
        """Release the claim of the slot, unless another try of the request needs it."""
        if claim and await self.events.last(record.id) is None:
            with suppress(Conflict):
                await self.slots.claim(record.project, claim.slot, claim.before, claim.claim)

    async def _in_slot(self, job: str) -> LogEntry | None:
        """
        Raises:
            SlotBusy: The job that claimed the slot cannot be read, so the slot stays busy.
        """
        try:
            return await self.events.last(job)
        except Unreadable as error:
            reason = f"{job} fills it, and its last event cannot be read: {error}"
            raise SlotBusy(reason, job=job) from None

    async def _tombstone_claimant(self, project: str, job: str) -> None:
        """
        Fence off a claimant that was never accepted: with a first event on its subject, its acceptance fails.

        The event is `canceled`, a final type that every release knows, so readers see no open job.
        """
        marker = Marker(id=job, project=project, marker="fenced")
        await append_event(self.events, "canceled", marker, 0)
        crash_point("accept.fenced")

    async def _deduplicate(
        self, record: Record, running: JobEntry, identity: RequestIdentity
    ) -> AcceptResult:
        _check_same(record, running.record)
        if identity.is_repeatable:
            marker = Marker(
                id=record.id,
                project=record.project,
                marker="deduplicated",
                answer=running.record.id,
                body_digest=record.internal.body_digest,
                correlation_id=record.internal.correlation_id,
            )
            await append_event(self.events, "deduplicated", marker, 0)
            crash_point("accept.deduplicated")
        return AcceptResult(entry=running, deduplicated=True)


def _check_same(record: Record, running: Record) -> None:
    """Raises SlotBusy unless the job that is filling the slot has the same inputs."""
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
