"""Tickets of jobs: what acceptance and retries put in the queue."""

import structlog

from heliograph.contracts.errors import QueueFull
from heliograph.contracts.records import Record
from heliograph.runtime.bus import WorkQueue
from heliograph.runtime.bus.work_queue import ticket_for
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
