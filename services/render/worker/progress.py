"""Progress reports of providers: throttled, published on core NATS, never stored."""

import asyncio
import math

from cachetools import TTLCache

from heliograph.contracts import subjects
from heliograph.contracts.job_steps import Phase
from heliograph.contracts.progress import LogLine, Progress, ProgressReport
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from services.render.bounded_text import short_text
from services.render.providers.request_states import RequestQueued, RequestRunning

LOG_LINES = 20  #: the latest lines that a report carries


class ProgressPublisher:
    """Reports of all jobs of a process; at most one per job every `every` seconds."""

    def __init__(self, hint: Notify, *, every: float) -> None:
        self._hint = hint
        #: phase last reported of each job, less than `every` seconds ago
        self._reported: TTLCache[str, str] = TTLCache(
            math.inf, every, timer=lambda: asyncio.get_running_loop().time()
        )

    async def report(self, record: Record, state: RequestQueued | RequestRunning) -> None:
        """Publish how far a job is, unless its phase was published less than `every` seconds ago."""
        phase: Phase = "provider_queue" if isinstance(state, RequestQueued) else "rendering"
        if self._reported.get(record.id) == phase:
            return
        self._reported[record.id] = phase
        report = ProgressReport(job=record.id, phase=phase, progress=_progress(state))
        subject = subjects.progress(record.project, record.id)
        await self._hint(subject, report.model_dump_json().encode())

    def forget(self, job: str) -> None:
        """The job is over for this process."""
        self._reported.pop(job, None)


def _progress(state: RequestQueued | RequestRunning) -> Progress:
    if isinstance(state, RequestQueued):
        return Progress(provider_position=state.position)
    return state.progress.model_copy(
        update={"logs": [_short(line) for line in state.progress.logs[-LOG_LINES:]]}
    )


def _short(line: LogLine) -> LogLine:
    return line.model_copy(update={"message": short_text(line.message)})
