"""Worker context: the ports that every step of a run uses, and how events are appended."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.job_events import AttemptCompleted, JobEvent
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.transitions import IllegalTransition
from heliograph.runtime.bus import AccountPermits, EventLog, LaneLimits, WorkQueue
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.catalog import CurrentCatalog
from services.render.providers import Provider, Request
from services.render.providers.output_upload import OutputReceiver
from services.render.providers.request_states import RequestSucceeded
from services.render.references.resolver import ReferenceResolver
from services.render.settings import RenderSettings
from services.render.worker.answer_spool import AnswerSpool
from services.render.worker.attempt_limit import AttemptClock
from services.render.worker.billing import bill_for
from services.render.worker.fitting_events import fitting_event, run_of
from services.render.worker.lost_replies import LostReplies
from services.render.worker.measured_provider import MeasuredProvider
from services.render.worker.posts_in_flight import PostsInFlight
from services.render.worker.progress import ProgressPublisher
from services.render.worker.request_index import RequestIndex
from services.render.worker.wakeups import WakeUps

Ending = TypeVar("Ending")

log = structlog.get_logger()

_RETRY_DELAY = 0.5  #: seconds between tries to write down what only we know


@dataclass(frozen=True, kw_only=True)
class Worker:
    """The ports of a worker."""

    events: EventLog
    work: WorkQueue
    accounts: AccountPermits
    lanes: LaneLimits
    providers: Mapping[str, Provider]
    requests: RequestIndex
    spool: AnswerSpool
    output_uploader: OutputReceiver
    references: ReferenceResolver
    catalog: CurrentCatalog
    reporter: ProgressPublisher
    wakeups: WakeUps
    settings: RenderSettings
    clock: AttemptClock = field(default_factory=AttemptClock)
    posts: PostsInFlight = field(default_factory=PostsInFlight)
    lost_replies: LostReplies = field(default_factory=LostReplies)

    async def drain(self) -> None:
        """Hand over what another process can continue; wait for submissions that none can."""
        self.wakeups.drain()
        await self.posts.wait()

    async def read(self, job: str) -> LogEntry | None:
        """The job as it stands; None for what is no job."""
        return await self.events.job(job)

    async def append(self, entry: LogEntry, fact: JobEvent) -> LogEntry:
        """Write a fact that anybody could learn. Raises Conflict: read again, and follow."""
        return await transition(self.events, entry, fact)

    async def append_until_written(self, entry: LogEntry, fact: JobEvent) -> LogEntry:
        """
        Write a fact that only this worker knows, again and again, until it is in, or the job is
        in another run. Somebody may ask to cancel in between, and the server may be away or full.
        A job that is over by then learns what became of its attempt. Returns the job as it was left.
        """
        job, run = entry.record.id, run_of(entry, fact)
        while True:
            try:
                fitting = fitting_event(entry, run, fact)
                if fitting is None:
                    log.info("Late job event dropped", fact=fact.name, job=job)
                    return entry
                if isinstance(fitting, AttemptCompleted) and fitting.outcome is None:
                    await self._leave_to_a_worker(entry.record)
                return await self.append(entry, fitting)
            except IllegalTransition as error:
                log.warning("Illegal job event dropped", reason=str(error), job=job)
                return entry
            except Conflict:
                pass
            except (Unavailable, QueueFull):
                await asyncio.sleep(_RETRY_DELAY)
            with suppress(Unavailable):
                entry = await self.read(job) or entry

    async def _leave_to_a_worker(self, record: Record) -> None:
        """Enqueue the job again, so that another process stops its request if this one dies."""
        if not await self.work.has_work(record.id):
            await self.work.enqueue(ticket_for(record))

    def provider(self, record: Record) -> Provider:
        """The provider of the job; calls of it are measured."""
        provider = self.providers[record.provider]
        return MeasuredProvider(name=record.provider, model=record.model, provider=provider)

    def request(self, record: Record, attempt: Attempt, request_id: str) -> Request:
        """The request of an attempt, by its id at the provider."""
        catalog = self.catalog.current
        model, kind = catalog.models.get(record.model), catalog.kinds.get(record.kind)
        described = model or kind
        return Request(
            request_id=request_id,
            endpoint=attempt.endpoint,
            project=record.project,
            job=record.id,
            media=described.media if described else "image",
            place=model.wire.outputs if model else None,
            sent=[each.url for each in attempt.references],
        )

    def with_default_output_count(self, record: Record, end: Ending) -> Ending:
        """
        The same end, with what the catalog says about it: how many outputs are paid for where a model makes
        several unasked, and what the units cost that the provider bills.
        """
        model = self.catalog.current.models.get(record.model)
        if model is None or not isinstance(end, RequestSucceeded):
            return end
        bill = bill_for(record, self.catalog.current, end.units)
        return replace(end, usual=model.usual_outputs, bill=bill)

    def submit_limit(self, record: Record) -> float:
        """Seconds for the one POST of an attempt: more where the answer comes with the outputs."""
        model = self.catalog.current.models.get(record.model)
        answers_within = model.answers_within if model else None
        return max(self.settings.submit_limit, answers_within or 0.0)
