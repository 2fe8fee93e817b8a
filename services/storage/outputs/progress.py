"""Progress of storing, as hints on core NATS: only for jobs that take long enough to be watched."""

import asyncio
from types import TracebackType
from typing import Self

from heliograph.contracts import subjects
from heliograph.contracts.job_steps import Phase
from heliograph.contracts.progress import Progress, ProgressReport
from heliograph.contracts.records import Record
from heliograph.runtime.background import stop
from heliograph.runtime.bus import Notify


class PhaseReporter:
    """
    Reports the phase of one job while it is entered. Most jobs are stored before the first report is due,
    so a timer waits for it, and no task.

    Args:
        after: Seconds before the first report; a job that is stored by then is never reported.
    """

    def __init__(self, hint: Notify, record: Record, *, after: float) -> None:
        self._hint = hint
        self._record = record
        self._after = after
        self._phase: Phase = "downloading"
        self._first: asyncio.Task[None] | None = None  #: the first report, once it is due

    async def __aenter__(self) -> Self:
        self._due = asyncio.get_running_loop().call_later(self._after, self._begin)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._due.cancel()
        if self._first:
            await stop(self._first)

    async def enter(self, phase: Phase) -> None:
        """The job is in this phase from now on."""
        if phase == self._phase:
            return
        self._phase = phase
        if self._first:
            await self._report()

    def _begin(self) -> None:
        self._first = asyncio.create_task(self._report(), name="first progress report")

    async def _report(self) -> None:
        job = self._record
        report = ProgressReport(job=job.id, phase=self._phase, progress=Progress())
        await self._hint(subjects.progress(job.project, job.id), report.model_dump_json().encode())
