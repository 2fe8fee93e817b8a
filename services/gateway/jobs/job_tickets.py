"""Tickets of jobs: what acceptance and retries put in the queue."""

import asyncio

import structlog

from heliograph.contracts.errors import QueueFull
from heliograph.contracts.records import Record
from heliograph.runtime.bus import WorkQueue
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.logs import job_fields

log = structlog.get_logger()


async def enqueue_or_leave(work: WorkQueue, record: Record) -> None:
    """
    Enqueue a job. If the queue is full, the sweeper does it later: the job in the log is durable.

    Raises:
        Unavailable: The entry may or may not be in the queue.
    """
    try:
        await work.enqueue(ticket_for(record))
    except QueueFull as error:
        log.warning(
            "Job not enqueued; the sweeper will enqueue it", reason=str(error), **job_fields(record)
        )


class NewTicket:
    """The ticket of a new job, which may be put in the queue while the job's first event is being stored."""

    def __init__(self, work: WorkQueue, job: Record) -> None:
        self._work = work
        self._job = job
        self._begun: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """
        Begin to enqueue a job that is certain to be in the log, and may not be there yet. Not one that waits for other
        jobs: where these have failed, the dispatcher ends it by its record, and looks again only seconds later.
        """
        if not self._job.internal.after:
            self._begun = asyncio.create_task(self._put_ahead(), name="ticket")
            self._begun.add_done_callback(_take_error)

    async def put(self) -> None:
        """Enqueue the job, as `enqueue_or_leave` does; or wait for that, where it has begun."""
        await (self._begun or enqueue_or_leave(self._work, self._job))

    async def _put_ahead(self) -> None:
        await enqueue_or_leave(self._work, self._job)
        crash_point("accept.ahead")


def _take_error(begun: asyncio.Task[None]) -> None:
    """It is nobody's where the event is not stored: the request fails for that."""
    if not begun.cancelled():
        begun.exception()
