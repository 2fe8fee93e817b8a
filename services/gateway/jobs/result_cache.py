"""Result cache: a job whose result is stored already gets it at once, without a submission."""

from heliograph.contracts.errors import Unavailable, Unreadable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.queries.jobs import FindResult
from heliograph.contracts.records import Record, Reused
from heliograph.runtime.bus import EventLog, RequestReply
from heliograph.runtime.bus.queries import RemoteProblem


class ResultCache:
    """Stored results of projects. Status has `timeout` seconds to find one; then the job is made."""

    def __init__(self, events: EventLog, request: RequestReply, *, timeout: float) -> None:
        self._events = events
        self._request = request
        self._timeout = timeout

    async def reuse(self, record: Record) -> Record:
        """The job that is about to be accepted, with a stored result if there is one."""
        old = await self._find(record.project, record.internal.result_digest)
        return apply_cached(record, old) if old else record

    async def _find(self, project: str, digest: str | None) -> Record | None:
        """The last job that produced the result; the read model only names the job to read."""
        if digest is None:
            return None
        query = FindResult(project=project, digest=digest)
        try:
            job = (await self._request(query, timeout=self._timeout)).job
        except (Unavailable, RemoteProblem):
            return None
        try:
            entry = await self._events.job(job) if job else None
        except Unreadable:
            return None
        is_cached = entry and is_cached_for(entry.record, project, digest)
        return entry.record if entry and is_cached else None


def is_cached_for(record: Record, project: str, digest: str) -> bool:
    """Whether a job made the result with that digest, and still has all of its assets."""
    is_same = record.project == project and record.internal.result_digest == digest
    is_whole = bool(record.assets) and not record.withheld
    return is_same and record.step is Step.SUCCEEDED and is_whole


def apply_cached(record: Record, old: Record) -> Record:
    """The accepted job, with the stored result of an earlier one."""
    note = f"the result of {old.id} is used again"
    reused = Reused(job=old.id, assets=old.assets)
    return record.model_copy(
        update={
            "cost": Cost(currency=record.cost.currency),
            "detail": "; ".join(filter(None, (record.detail, note))),
            "internal": record.internal.model_copy(update={"reused": reused}),
        }
    )
