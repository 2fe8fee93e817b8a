"""Refused outputs: a job whose outputs storage does not take ends."""

from heliograph.contracts.errors import JobError
from heliograph.contracts.job_events import Failed
from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.job_problem import job_problem
from services.render.worker.context import Worker


async def refuse_outputs(worker: Worker, entry: LogEntry, error: JobError) -> LogEntry:
    """The job ends if it still waits for the outputs."""
    latest: LogEntry | None = entry
    while latest and latest.record.step is Step.RENDERED:
        charged = latest.record.charged
        problem = job_problem(latest.record, error, charged)
        try:
            return await worker.append(latest, Failed(problem=problem, charged=charged))
        except Conflict:
            latest = await worker.read(entry.record.id)
    return latest or entry
