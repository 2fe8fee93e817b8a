"""
The bus, as services need it: the event log, the work queue, and two tables of claims.

Every write is idempotent and compared with what its writer saw. `Conflict` says that another writer was
first; `Unavailable` that it is unknown whether it was written, so that a caller that needs to know reads again.
Adapters: `event_log`, `work_queue`, `slot_claims` and `account_permits` on
JetStream; `heliograph.testing` in memory.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.limits import LaneLimit
from heliograph.contracts.queries import Query, Reply
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.records import Record
from heliograph.contracts.slots import Restored
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry

OnDecided = Callable[[], None]


class EventLog(Protocol):
    """
    Everything that ever happened, one subject per job.

    Attributes:
        source: Who writes here, as `heliograph/render`.

    Raises:
        Unavailable: The log did not respond; the event may or may not be written.
    """

    source: str

    async def last(self, job: str) -> LogEntry | None:
        """
        The last event of a job; None if it has no event.

        Raises:
            Unreadable: The event cannot be read, so this release must not act on the job.
        """

    async def job(self, job: str) -> JobEntry | None:
        """
        The last event of a job, None when there is no such job: also where a marker stands.

        Raises:
            Unreadable: As for `last`.
        """

    async def append(
        self, event: EventEnvelope, expected_last: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        """
        Write an event, if the last one of its job is number `expected_last` (0: it has no event).

        Args:
            on_decided: Called if it is certain before the event is in the log that the job will be there. The
                call may still end with any error.

        Raises:
            Conflict: The last event of the job is another one.
        """

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        """The events of a job after a sequence, oldest first, without those that cannot be read."""


class WorkQueue(Protocol):
    """
    Work queue: each message once, however often it is enqueued.

    Raises:
        Unavailable: The queue does not respond; enqueueing again is safe.
    """

    async def enqueue(self, ticket: Ticket) -> None:
        """Enqueue a job, unless it is queued already."""

    async def publish_store(
        self, project: str, job: str, *, wait: float = 0.0, waited: float = 0.0
    ) -> None:
        """
        Publish the store message of a job, once.

        Args:
            wait: Seconds until its turn can come; it has no permit meanwhile.
            waited: Seconds that it has waited in this way by then.
        """

    async def purge(self, job: Record) -> None:
        """Remove a job from the queue."""

    async def has_work(self, job: str) -> bool:
        """Whether any message for a job is under way."""

    async def has_room(self) -> bool:
        """Whether more can be put there without taking the room of what is there already."""

    async def dead_letter(self, job: Record, reason: str) -> None:
        """Write a dead letter about a job that cannot be processed."""


@dataclass(frozen=True)
class SlotClaim:
    """The last claim of a slot, and the revision that the next claimant must have seen."""

    job: str | None
    revision: int
    restored: Restored | None
    withdrawn: frozenset[str] = frozenset()  #: jobs whose versions can be restored no more
    unknown: Mapping[str, Any] = field(default_factory=dict)  #: what later releases write there


class SlotClaims(Protocol):
    """
    Slot claims: the job that may fill a slot. An entry is never released: it is replaced when its job is over.

    Raises:
        Unavailable: The bucket does not respond.
    """

    async def read(self, project: str, slot: str) -> SlotClaim: ...

    async def claim(
        self, project: str, slot: str, job: str | None, expected: SlotClaim
    ) -> SlotClaim:
        """
        Put `job` in the place of the `expected` claim, and return what is there now. A version that was
        restored stays so.

        Raises:
            Conflict: Another process claimed the slot.
        """

    async def restore(
        self, project: str, slot: str, restored: Restored, expected: SlotClaim
    ) -> None:
        """
        Note that an older version is current. The claim stays the `expected` one.

        Raises:
            Conflict: The slot was claimed, or another version restored, since `expected` was read.
        """

    async def withdraw(
        self, project: str, slot: str, jobs: Collection[str], expected: SlotClaim
    ) -> None:
        """
        Note which jobs are about to lose their results, in the place of those in `expected`.

        Raises:
            Conflict: The slot was claimed, or a version restored, since `expected` was read.
        """

    async def read_all(self, project: str) -> dict[str, SlotClaim]:
        """The slots of a project that were ever claimed, by name. For looking only."""


class AccountUsage(NamedTuple):
    """The state of an account."""

    holders: dict[str, int]  #: job -> the event that it was taken by
    cap: int | None  #: None: no limit
    breaker: CircuitBreaker | None = None

    def has_room(self, job: str) -> bool:
        """Whether a job could have a permit. A permit that it has counts as room."""
        return self.cap is None or job in self.holders or len(self.holders) < self.cap


class AccountPermits(Protocol):
    """
    Permits of provider accounts: at most `cap` per account, over all processes.

    `seen` is the sequence of the event by which the caller decides. An event after which a job needs no
    permit ends all claims from before it, however late their makers wake up, and none that follows it.

    Raises:
        Unavailable: The bucket does not respond.
    """

    async def acquire(self, account: str, job: str, seen: int, *, force: bool = False) -> bool:
        """Acquire a permit for a job, or keep the one it has. False when the account is full."""

    async def release(self, account: str, job: str, seen: int) -> None:
        """Release the permit, unless it was acquired on this event, or a later one."""

    async def update_breaker(
        self, account: str, verdict: Callable[[CircuitBreaker | None], CircuitBreaker | None]
    ) -> None:
        """Replace the state of the circuit breaker; None closes it."""

    async def usage(self, account: str) -> AccountUsage:
        """The holders of permits, and the cap. For display only: `acquire` decides."""

    def names(self) -> list[str]:
        """Every account."""


class LaneLimits(Protocol):
    """Limits of lanes. Raises Unavailable."""

    async def limit(self, lane: str) -> LaneLimit:
        """Current limit of a lane."""


REQUEST_TIMEOUT = 5.0  #: seconds for a reply


class RequestReply(Protocol):
    """Ask another service."""

    async def __call__(self, query: Query[Reply], *, timeout: float = REQUEST_TIMEOUT) -> Reply:
        """
        The reply within `timeout` seconds.

        Raises:
            RemoteProblem: The other service refuses the query.
            Unavailable: The other service does not reply in time, or is not available.
        """


class Notify(Protocol):
    """Publish a notification on core NATS, at most once. Correctness must not depend on it."""

    async def __call__(self, subject: str, body: bytes = b"") -> None: ...
