"""Job views: the last event, merged with the queue position and the latest progress."""

import asyncio
from typing import Any

from heliograph.contracts.errors import NotFound
from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.queries.jobs import GetProgress, ListJobs
from heliograph.contracts.queries.scheduler import Position
from heliograph.contracts.records import Record
from heliograph.contracts.url_redaction import redact_presigned_urls
from heliograph.runtime.bus import EventLog, RequestReply
from heliograph.runtime.job_view import JobPresenter, with_progress, with_queue_position
from services.gateway.jobs.lookup import load_job
from services.gateway.queue_position import (
    queue_position,
    queue_positions,
    request_or_none,
)

HISTORY_PAGE = 500


class JobViews:
    """Read views of jobs."""

    def __init__(self, events: EventLog, request: RequestReply, presenter: JobPresenter) -> None:
        self._events = events
        self._request = request
        self._presenter = presenter

    async def job(self, job: str) -> dict[str, Any]:
        """A job as it is now. Raises NotFound."""
        entry = await load_job(self._events, job)
        return await self.present(entry.record, entry.sequence)

    async def present(self, record: Record, sequence: int) -> dict[str, Any]:
        """A record with the fields that the API adds."""
        shown, turn, report = await asyncio.gather(
            self._presenter.job(record, sequence), self._turn(record), self._progress(record)
        )
        return with_queue_position(with_progress(shown, report), turn)

    async def new_job(self, record: Record, sequence: int) -> dict[str, Any]:
        """The view of a job that was accepted just now: there is no progress yet."""
        return await self._presenter.job(record, sequence)

    async def attempts(self, job: str) -> list[dict[str, Any]]:
        """Attempts with the provider's responses, without URL signatures. Raises NotFound."""
        internal = (await load_job(self._events, job)).record.internal
        attempts = [attempt.model_dump(mode="json") for attempt in internal.attempts]
        return [redact_presigned_urls(attempt) for attempt in attempts]

    async def history(self, job: str, after: int) -> dict[str, Any]:
        """A page of the job's events. Raises NotFound."""
        entries = await self._events.history(job, after, HISTORY_PAGE)
        records = [(e.record, e.sequence) for e in entries if e.as_job()]
        if not records and not (after and await self._events.last(job)):
            raise NotFound(f"there is no job {job}")
        jobs = await self._presenter.jobs(records)
        items = [
            {
                "sequence": entry.sequence,
                "type": entry.event.type,
                "at": entry.event.at.isoformat(),
                "job": shown,
            }
            for entry, shown in zip(entries, jobs, strict=False)
        ]
        more = len(entries) == HISTORY_PAGE
        [first, *_] = entries if not after else await self._events.history(job, 0, 1)
        return {
            "items": items,
            "next": str(entries[-1].sequence) if more else None,
            "compacted": first.event.body.revision > 1,  # earlier events were removed
        }

    async def jobs(self, query: ListJobs) -> dict[str, Any]:
        """A page of a project's jobs. Raises Unavailable."""
        page = await self._request(query)
        records = [(Record.model_validate(item.record), item.sequence) for item in page.items]
        queued = [record.id for record, _ in records if record.status == "queued"]
        shown, turns = await asyncio.gather(
            self._presenter.jobs(records), queue_positions(self._request, queued)
        )
        items = [
            with_queue_position(with_progress(job, item.report), turns.get(job["id"]))
            for job, item in zip(shown, page.items, strict=True)
        ]
        return {"items": items, "next": page.next, "counts": page.counts}

    async def _turn(self, record: Record) -> Position | None:
        if record.status != "queued":
            return None
        return await queue_position(self._request, record.id)

    async def _progress(self, record: Record) -> ProgressReport | None:
        if record.status != "running":
            return None
        latest = await request_or_none(self._request, GetProgress(job=record.id))
        return latest.report if latest else None
