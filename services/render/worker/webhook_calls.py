"""Webhook calls: a genuine call triggers a lookup or a poll."""

from heliograph.contracts import subjects
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from services.render.worker.completion import complete_named
from services.render.worker.context import Worker
from services.render.worker.lost_requests import find_lost_request

_UNRESOLVED = frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN})


async def on_webhook(
    worker: Worker, hint: Notify, provider: str, job: str, run: int, request_id: str
) -> None:
    """Trigger a lookup of a lost request, or a poll of a followed one."""
    entry = await worker.read(job)
    if entry is None or not _is_about(entry.record, provider, run):
        return
    if entry.record.step in _UNRESOLVED:
        await find_lost_request(worker, job, request_id=request_id)
    elif entry.record.step.is_final:
        await complete_named(worker, entry, run, request_id)
    await hint(subjects.record_changed(job))


def _is_about(record: Record, provider: str, run: int) -> bool:
    is_last = record.internal.run == run
    return record.provider == provider and (is_last or record.step.is_final)
