"""Poison jobs: a job that breaks its worker repeatedly fails, with a dead letter."""

from heliograph.contracts.errors import Poison
from heliograph.contracts.job_events import Failed
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.runtime.bus.poison import fail_as_poison
from services.render.job_problem import job_problem
from services.render.worker.context import Worker


async def fail_poison_job(worker: Worker, job: str, error: Exception) -> None:
    """Fail a job that broke its worker for the last time, and release its permit of the account."""

    def failed(record: Record) -> Failed:
        charged: Charged = "no" if record.step.is_unsent else "unknown"
        poison = Poison(f"{type(error).__name__} in render")
        return Failed(problem=job_problem(record, poison, charged), charged=charged)

    entry = await fail_as_poison(worker.events, worker.work, job, failed)
    if entry and not entry.record.runs_on:
        await worker.accounts.release(entry.record.internal.account, job, entry.sequence)
