"""Job ingest: stores every output of a rendered job, and writes how the job ends."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from heliograph.contracts.assets import Asset
from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import JobError, OutputRefused, OutputTooLarge, Poison, Unavailable
from heliograph.contracts.job_events import Canceled, Failed, JobEvent, Succeeded
from heliograph.contracts.job_steps import Step
from heliograph.contracts.level import TEXTS
from heliograph.contracts.outputs import Output
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, Notify, WorkQueue
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.poison import fail_as_poison
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.logs import job_fields
from heliograph.runtime.tracing import job_span
from services.storage.outputs.download_response import FetchRefused, OutputMissing
from services.storage.outputs.ingest_errors import deciding_error
from services.storage.outputs.outcomes import failure, indexed, outcome, readdressed
from services.storage.outputs.output_ingest import Ingestion, OutputIngest
from services.storage.outputs.progress import PhaseReporter
from services.storage.outputs.sources import Sources
from services.storage.outputs.text_problem import problem_in_texts
from services.storage.settings import StorageSettings
from services.storage.stores import IsSole

log = structlog.get_logger()

Allows = Callable[[int], Awaitable[bool]]  #: whether what a level brought may be written

Renew = Callable[[str], Awaitable[list[Output]]]  #: fresh addresses of a job's outputs, if any

#: that nothing changes
_REFUSALS: tuple[type[JobError], ...] = (OutputRefused, OutputTooLarge, FetchRefused)
_FIRST_WAIT, _MAX_WAIT = 1.0, 30.0  #: seconds before a result is downloaded again


def _not_sole() -> bool:
    return False


class JobIngest:
    """Stores the jobs of messages on `store.>`."""

    def __init__(
        self,
        *,
        events: EventLog,
        work: WorkQueue,
        notify: Notify,
        sources: Sources,
        output_ingest: OutputIngest,
        renew: Renew,
        settings: StorageSettings,
        allows: Allows,
    ) -> None:
        self._events = events
        self._work = work
        self._notify = notify
        self._sources = sources
        self._renew = renew
        self._ingest = output_ingest
        self._settings = settings
        self._allows = allows

    async def handle(
        self, job: str, waited: float = 0.0, is_sole: IsSole = _not_sole
    ) -> Record | None:
        """
        Store a job. Returns it as it was left; None when there is no such job.

        Args:
            waited: Seconds for which its outputs were waited for, because they were not there yet.
            is_sole: Whether no other process can have been told to store the job, at the time of the
                call. Who was told before `waited` may not have ended.

        Raises:
            Unavailable: The bus or the store does not respond; the message is redelivered.
        """
        while True:
            entry = await self._events.job(job)
            if entry is None:
                return None
            record = entry.record
            if record.step is Step.RENDERED:
                try:
                    with job_span("store", record):
                        record = await self._advance(
                            entry, waited, _not_sole if waited else is_sole
                        )
                except Conflict:
                    continue
            await self._clear(record)
            return record

    async def _clear(self, record: Record) -> None:
        """Delete inline results that became assets. Those of a failed job stay for a retry."""
        mine = f"{record.id}/"
        if record.step is Step.SUCCEEDED and any(
            (output.inline or "").startswith(mine) for output in record.internal.outputs
        ):
            await self._sources.inline_results.remove(record.project, record.id)

    async def _advance(self, entry: LogEntry, waited: float, is_sole: IsSole) -> Record:
        """End a job. Returns it as it was left; unchanged if its ticket waits again."""
        record = entry.record
        if record.internal.cancel:
            outputs = record.internal.outputs
            return await self._end(entry, Canceled(charged=record.charged, outputs=outputs))
        if record.internal.expire:
            return await self._end(entry, expiry(record))
        lasting = _REFUSALS if not self._is_last(waited) else (*_REFUSALS, OutputMissing)
        try:
            record = await self._renewed(record) if waited else record
            assets, refused = await self._keep_all(record, lasting, is_sole)
        except OutputMissing as error:
            if await self._give_back(record, waited):
                return record
            return await self._fail(entry, record, error)
        except JobError as error:
            return await self._fail(entry, record, error)
        ended = await self._end(entry, await self._ending(record, assets, refused))
        crash_point("store.written")
        return ended

    def _is_last(self, waited: float) -> bool:
        """Whether the wait for missing results has lasted long enough."""
        return 0 < waited >= self._settings.missing_result_deadline

    async def _fail(self, entry: LogEntry, record: Record, error: JobError) -> Record:
        problem = failure(record, error)
        return await self._end(entry, Failed(problem=problem, charged=record.charged))

    async def _end(self, entry: LogEntry, event: JobEvent) -> Record:
        """Write how a job ends. Raises Conflict."""
        return (await transition(self._events, entry, event)).record

    async def _give_back(self, record: Record, waited: float) -> bool:
        """
        A result may not be available yet: put its ticket back with a growing delay, without a permit. False
        once it has waited long enough.
        """
        left = self._settings.missing_result_deadline - waited
        if left <= 0:
            return False
        wait = min(max(_FIRST_WAIT, waited), _MAX_WAIT, left)
        await self._work.publish_store(record.project, record.id, wait=wait, waited=waited + wait)
        log.info("Output not available yet", **job_fields(record), seconds=round(wait, 1))
        return True

    async def _renewed(self, record: Record) -> Record:
        """The job with fresh addresses of its outputs, where its provider gives some."""
        outputs = readdressed(record.internal.outputs, await self._renew(record.id))
        internal = record.internal.model_copy(update={"outputs": outputs})
        return record.model_copy(update={"internal": internal})

    async def _ending(
        self, record: Record, assets: list[Asset], refused: dict[int, JobError]
    ) -> Succeeded | Failed:
        """Final event of a job whose outputs are stored; paid outputs are kept before validation."""
        ending = outcome(record, assets, refused)
        verdict = problem_in_texts(record, ending.assets) if isinstance(ending, Succeeded) else None
        if verdict is None:
            return ending
        kept = ending.assets if await self._allows(TEXTS) else []
        return Failed(
            problem=failure(record, verdict),
            charged=record.charged,
            assets=kept,
            withheld=ending.withheld,
            detail=ending.detail,
        )

    async def _keep_all(
        self, record: Record, lasting: tuple[type[JobError], ...], is_sole: IsSole
    ) -> tuple[list[Asset], dict[int, JobError]]:
        """
        All outputs, in parallel: those that are kept, and why others never will be.

        Args:
            lasting: Permanent errors of one output that do not affect the others.

        Raises:
            JobError: No output was stored, or one can still be downloaded later.
            Unavailable: Until `storage_retry_deadline`; the message is redelivered.
        """
        after = self._settings.report_after
        try:
            async with (
                PhaseReporter(self._notify, record, after=after) as phases,
                asyncio.TaskGroup() as group,
            ):
                ingestion = Ingestion(record=record, phases=phases, is_sole=is_sole)
                tasks = [
                    group.create_task(self._kept_or_not(ingestion, index, output, lasting))
                    for index, output in indexed(record.internal.outputs)
                ]
        except* (JobError, Unavailable, OSError) as errors:
            deadline = self._settings.storage_retry_deadline
            raise deciding_error(record, errors, deadline=deadline) from None
        ends = [task.result() for task in tasks]
        refused = {index: end for index, end in ends if isinstance(end, JobError)}
        assets = [end for _, end in ends if isinstance(end, Asset)]
        if refused and not assets:
            raise next(iter(refused.values()))
        return assets, refused

    async def _kept_or_not(
        self,
        ingestion: Ingestion,
        index: int,
        output: Output,
        lasting: tuple[type[JobError], ...],
    ) -> tuple[int, Asset | JobError]:
        try:
            return index, await self._ingest.store(ingestion, index, output)
        except lasting as error:
            fields = job_fields(ingestion.record)
            log.warning("Output refused", **fields, index=index, reason=str(error))
            return index, error

    async def fail_poison_job(self, job: str, error: Exception) -> None:
        """Fail a job that broke storage for the last time. Its outputs can still be fetched."""

        def failed(record: Record) -> Failed:
            problem = failure(record, Poison(f"{type(error).__name__} in storage"))
            return Failed(problem=problem, charged=record.charged)

        await fail_as_poison(self._events, self._work, job, failed)
