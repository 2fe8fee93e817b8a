"""Progress: what a provider says while it works, told to whoever listens, and never stored."""

import asyncio

from heliograph.contracts import subjects
from heliograph.contracts.queries import ProgressReport
from heliograph.contracts.records import Progress, Record
from heliograph.runtime.bus import Hint
from services.render.providers import Waiting, Working

LOG_LINES = 20  #: the latest lines that a report carries


class Reporter:
    """Reports of all jobs of a process; at most one per job every `every` seconds."""

    def __init__(self, hint: Hint, *, every: float) -> None:
        self._hint = hint
        self._every = every
        self._last: dict[str, tuple[float, str]] = {}

    async def report(self, record: Record, state: Waiting | Working) -> None:
        """Tell how far a job is, unless that was told a moment ago."""
        phase = "provider_queue" if isinstance(state, Waiting) else "rendering"
        time = asyncio.get_running_loop().time()
        told, told_phase = self._last.get(record.id, (float("-inf"), ""))
        if time - told < self._every and phase == told_phase:
            return
        self._last[record.id] = (time, phase)
        report = ProgressReport(job=record.id, phase=phase, progress=_progress(state))
        subject = subjects.progress(record.project, record.id)
        await self._hint(subject, report.model_dump_json().encode())

    def forget(self, job: str) -> None:
        """The job is over for this process."""
        self._last.pop(job, None)


def _progress(state: Waiting | Working) -> Progress:
    if isinstance(state, Waiting):
        return Progress(provider_position=state.position)
    return state.progress.model_copy(update={"logs": state.progress.logs[-LOG_LINES:]})
