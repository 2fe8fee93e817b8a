"""Work queue on JetStream: the stream WORK, and the dead-letter stream DEAD."""

from collections.abc import Mapping
from types import MappingProxyType

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.queue_entries import Ticket, read_ticket
from heliograph.contracts.records import Record
from heliograph.runtime.bus.atomic_batch import ComparedMessage
from heliograph.runtime.bus.group_commit import GroupCommit
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import WRONG_LAST_SEQUENCE, ApiError, NoResponder

STREAM = "WORK"

#: A queued job is stored as a message scheduled for a time that never comes. Only such a message can
#: be the source of the atomic move to `run.…` (NATS ADR-51, "stopping schedules"; err_code 10212).
NEVER = "@at 2099-01-01T00:00:00Z"

#: headers of tickets for storage: seconds until its turn can come, and those of all times so far
WAIT, WAITED = "Heliograph-Wait", "Heliograph-Waited"
#: part of the stream that may be in use; beyond it what comes in soon takes the place of the oldest
HAS_ROOM_BELOW = 0.95

_TARGET = "Nats-Schedule-Target"

FIRST = {"Nats-Expected-Last-Subject-Sequence": "0"}


class JetStreamWorkQueue:
    """
    `WorkQueue` on one connection, and the dispatcher's move.

    Args:
        group: Commits tickets together. By default each is stored by itself.
    """

    def __init__(self, jetstream: JetStream, *, group: GroupCommit | None = None) -> None:
        self._jetstream = jetstream
        self._group = group

    async def enqueue(self, ticket: Ticket) -> None:
        subject = subjects.queue(ticket.lane, ticket.priority, ticket.project, ticket.job)
        data, schedule = ticket.to_json(), {"Nats-Schedule": NEVER, _TARGET: _target(ticket)}
        if self._group:
            first = ComparedMessage(subject=subject, data=data, headers=schedule)
            if await self._group.store(ticket.project, first) is not None:
                return
        await self._put(subject, data, {**FIRST, **schedule})

    async def publish_store(
        self, project: str, job: str, *, wait: float = 0.0, waited: float = 0.0
    ) -> None:
        if not wait and not await self._has_to_queue(project):
            await self._put(subjects.store(project, job), b"{}", FIRST)
            return
        ticket = Ticket(
            job=job, project=project, lane=subjects.STORE_LANE, priority="normal", account=""
        )
        subject = subjects.queue(ticket.lane, ticket.priority, project, job)
        headers = {
            **FIRST,
            "Nats-Schedule": NEVER,
            _TARGET: _target(ticket),
            WAIT: str(wait),
            WAITED: str(waited),
        }
        await self._put(subject, ticket.to_json(), headers)

    async def _has_to_queue(self, project: str) -> bool:
        """
        Whether a rendered job waits for its turn in storage's queue.

        It does not where the dispatcher has a permit for it now, which saves a message and a move.
        A storage of release 0.1 knows no turns either: it takes what is on `store.>`.
        """
        try:
            reply = await self._jetstream.try_ask(subjects.STORE_PERMIT, project.encode())
        except NoResponder:
            return await self._jetstream.has_subscriber(subjects.STORE_TURNS)
        return reply != subjects.PERMIT_GRANTED

    async def move_store(self, project: str, job: str, sequence: int, waited: float = 0.0) -> bool:
        """Move a rendered job to storage's workers, as `move` does for a lane."""
        source = subjects.queue(subjects.STORE_LANE, "normal", project, job)
        target = subjects.store(project, job)
        return await self._move(source, target, b"{}", sequence, {WAITED: str(waited)})

    async def _put(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        try:
            await self._jetstream.publish(subject, data, headers)
        except ApiError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE:
                raise

    async def move(self, ticket: Ticket, sequence: int) -> bool:
        """
        Let a queued job run: one atomic step takes message `sequence` off the queue and puts the
        job on its lane. False when another process moved, replaced or purged it.
        """
        source = subjects.queue(ticket.lane, ticket.priority, ticket.project, ticket.job)
        return await self._move(source, _target(ticket), ticket.to_json(), sequence)

    async def _move(
        self,
        source: str,
        target: str,
        data: bytes,
        sequence: int,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        headers = {
            **others,
            "Nats-Scheduler": source,
            "Nats-Schedule-Next": "purge",
            "Nats-Expected-Last-Subject-Sequence": str(sequence),
            "Nats-Expected-Last-Subject-Sequence-Subject": source,
        }
        try:
            await self._jetstream.publish(target, data, headers)
        except ApiError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE:
                raise
            return False
        return True

    async def purge(self, job: Record) -> None:
        subject = subjects.queue(job.lane, job.priority, job.project, job.id)
        await self._jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": subject})

    async def has_work(self, job: str) -> bool:
        for subject in subjects.work_of(job):
            if await self._jetstream.last(STREAM, subject):
                return True
        return False

    async def has_room(self) -> bool:
        info = await self._jetstream.api(f"STREAM.INFO.{STREAM}")
        return bool(info["state"]["bytes"] < HAS_ROOM_BELOW * info["config"]["max_bytes"])

    async def dead_letter(self, job: Record, reason: str) -> None:
        subject = subjects.dead(job.lane, job.project, job.id)
        await self._jetstream.publish(subject, reason.encode(), {"ce-subject": job.id})


def read_queued(subject: str, headers: Mapping[str, str], data: bytes) -> Ticket:
    """
    Read a message of the queue.

    Raises:
        Unreadable: It is not a ticket, or is not scheduled for its subject: it can never be moved.
    """
    ticket = read_ticket(subject, data)
    if headers.get(_TARGET) != _target(ticket):
        raise Unreadable("it is not scheduled for its job")
    return ticket


def _target(ticket: Ticket) -> str:
    """The subject that a queued ticket is moved to."""
    if ticket.lane == subjects.STORE_LANE:
        return subjects.store(ticket.project, ticket.job)
    return subjects.run(ticket.lane, ticket.project, ticket.job)


def ticket_for(job: Record) -> Ticket:
    """Queue entry of a job."""
    return Ticket(
        job=job.id,
        project=job.project,
        lane=job.lane,
        priority=job.priority,
        account=job.internal.account,
        not_before=job.internal.not_before,
        after=tuple(job.internal.after) if job.step is Step.ACCEPTED else (),
    )
