"""Worker context: the ports that every step of a run uses."""

from collections.abc import Awaitable, Callable, Collection, Container, Mapping
from dataclasses import dataclass, field

from heliograph.contracts.job_events import JobEvent
from heliograph.contracts.records import Record
from heliograph.runtime.bus import AccountPermits, EventLog, LaneLimits, WorkQueue
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.catalog import CurrentCatalog
from services.render.providers import Provider
from services.render.providers.output_upload import OutputReceiver
from services.render.references.resolver import ReferenceResolver
from services.render.settings import RenderSettings
from services.render.worker.attempt_limit import AttemptClock
from services.render.worker.lost_replies import LostReplies
from services.render.worker.measured_provider import MeasuredProvider
from services.render.worker.posts_in_flight import PostsInFlight
from services.render.worker.progress import ProgressPublisher
from services.render.worker.request_index import RequestIndex
from services.render.worker.response_spool import ResponseSpool
from services.render.worker.wakeups import WakeUps

#: stores the first event of one of these jobs of a project, where only the budget record has it
Complete = Callable[[str, Collection[str]], Awaitable[object]]


async def _nothing_pending(_project: str, _jobs: Collection[str]) -> None:
    """`Complete` where no project has a budget."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """The ports of a worker."""

    events: EventLog
    work: WorkQueue
    accounts: AccountPermits
    lanes: LaneLimits
    providers: Mapping[str, Provider]
    requests: RequestIndex
    spool: ResponseSpool
    output_uploader: OutputReceiver
    references: ReferenceResolver
    catalog: CurrentCatalog
    reporter: ProgressPublisher
    wakeups: WakeUps
    settings: RenderSettings
    complete: Complete = _nothing_pending
    clock: AttemptClock = field(default_factory=AttemptClock)
    posts: PostsInFlight = field(default_factory=PostsInFlight)
    lost_replies: LostReplies = field(default_factory=LostReplies)

    async def drain(self) -> None:
        """Hand over what another process can continue; wait for submissions that none can."""
        self.wakeups.drain()
        await self.posts.wait()

    def ends_within(self, *, without: Container[str]) -> float:
        """Seconds that `drain` may take and the longest response of a provider, `without` those."""
        catalog = self.catalog.current.without(without)
        return self.settings.shutdown_grace_period + catalog.longest_response

    async def read(self, job: str) -> LogEntry | None:
        """The current job; None if there is none."""
        return await self.events.job(job)

    async def find(self, project: str, job: str) -> LogEntry | None:
        """
        The same, for a job whose ticket may have been faster than its first event. None: the job does not exist.

        The budget record with that event was there before the ticket, and the record after it comes after the event:
        so the second look finds the event, whoever stored it.
        """
        entry = await self.read(job)
        if entry is None:
            await self.complete(project, [job])
            entry = await self.read(job)
        return entry

    async def append(self, entry: LogEntry, event: JobEvent) -> LogEntry:
        """Append an event that any worker can derive again. Raises Conflict: read the job again."""
        return await transition(self.events, entry, event)

    def provider(self, record: Record) -> Provider:
        """The provider of the job; calls of it are measured."""
        provider = self.providers[record.provider]
        return MeasuredProvider(name=record.provider, model=record.model, provider=provider)

    def submit_limit(self, record: Record) -> float:
        """Seconds for the one POST of an attempt: more where the response comes with the outputs."""
        model = self.catalog.current.models.get(record.model)
        answers_within = model.answers_within if model else None
        return max(self.settings.submit_limit, answers_within or 0.0)
