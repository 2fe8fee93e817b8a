"""Progress reports of providers: throttled, published on core NATS, never stored."""

import asyncio

from heliograph.contracts import subjects
from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.records import LogLine, Phase, Progress, Record
from heliograph.runtime.bus import Notify
from services.render.job_problem import short_text
from services.render.providers import RequestQueued, RequestRunning

LOG_LINES = 20  #: the latest lines that a report carries


class ProgressPublisher:
    """Reports of all jobs of a process; at most one per job every `every` seconds."""

    def __init__(self, hint: Notify, *, every: float) -> None:
        self._hint = hint
        self._every = every
        self._last: dict[str, tuple[float, str]] = {}  #: who was told of less than `every` ago

    async def report(self, record: Record, state: RequestQueued | RequestRunning) -> None:
        """Tell how far a job is, unless that was told a moment ago."""
        phase: Phase = "provider_queue" if isinstance(state, RequestQueued) else "rendering"
        time = asyncio.get_running_loop().time()
        self._forget_until(time - self._every)
        if self._last.get(record.id, (time, ""))[1] == phase:
            return
        self._last.pop(record.id, None)  # the latest stand last
        self._last[record.id] = (time, phase)
        report = ProgressReport(job=record.id, phase=phase, progress=_progress(state))
        subject = subjects.progress(record.project, record.id)
        await self._hint(subject, report.model_dump_json().encode())

    def _forget_until(self, time: float) -> None:
        """What was told by then counts no more, whether or not its job is still worked on."""
        while self._last:
            job, (reported_at, _) = next(iter(self._last.items()))
            if reported_at > time:
                return
            del self._last[job]

    def forget(self, job: str) -> None:
        """The job is over for this process."""
        self._last.pop(job, None)


def _progress(state: RequestQueued | RequestRunning) -> Progress:
    if isinstance(state, RequestQueued):
        return Progress(provider_position=state.position)
    return state.progress.model_copy(
        update={"logs": [_short(line) for line in state.progress.logs[-LOG_LINES:]]}
    )


def _short(line: LogLine) -> LogLine:
    return line.model_copy(update={"message": short_text(line.message)})
