"""Queue position of a job, asked of render's dispatcher for as long as a reader can wait."""

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.scheduler import Position
from heliograph.runtime.bus.jetstream import JetStream

ENRICH_TIMEOUT = 0.05  #: seconds for position and progress; then they are null


async def queue_position(jetstream: JetStream, job: str) -> Position | None:
    """What the dispatcher knows of a queued job; None when it does not answer at once."""
    answer = await request_or_none(jetstream, subjects.query_position(job))
    return Position.model_validate_json(answer) if answer else None


async def request_or_none(jetstream: JetStream, subject: str) -> bytes | None:
    try:
        return await jetstream.request(subject, b"", timeout=ENRICH_TIMEOUT)
    except Unavailable:
        return None
