"""Log budget: the bytes of the event log that a job takes, and will take."""

import json

from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record

_EVENT = 600  #: bytes around a record: subject, headers, and what the server adds
_ENTRY = 700  #: bytes of an attempt, without what it repeats of the request
_RESPONSES = 4_096  #: bytes of provider responses, and of result descriptions
_REFERENCE = 400  #: bytes of a reference as a provider got it

#: events that are still to come when nothing goes wrong, by step: one of them is a request to stop
_TO_COME = {
    Step.ACCEPTED: 6,
    Step.RETRY_SCHEDULED: 6,
    Step.STARTED: 5,
    Step.SUBMITTING: 4,
    Step.SUBMIT_UNKNOWN: 4,
    Step.SUBMITTED: 3,
    Step.RENDERED: 2,
}
_UNSENT = frozenset({Step.ACCEPTED, Step.RETRY_SCHEDULED, Step.STARTED})


def size_of_event(record: Record) -> int:
    """Bytes of an event that carries a record."""
    return len(record.model_dump_json().encode()) + _EVENT


def bytes_to_come(record: Record, size: int) -> int:
    """
    The reserve of a job: bytes of the events that it still needs to end.

    Args:
        size: Bytes of its last event.
    """
    if record.step.is_final:
        return 0
    if record.internal.reused:
        return size
    events = _TO_COME[record.step]
    repeated = (events - 1) * _size_of_attempt(record) if record.step in _UNSENT else 0
    return events * size + repeated + _RESPONSES


def share(limit: int, others: int) -> int:
    """
    Bytes that one project may take of so many: half of what the others leave free. So a project
    that comes later finds room, however much the earlier ones took.
    """
    return max(0, limit - others) // 2


def _size_of_attempt(record: Record) -> int:
    """Bytes of the request that an attempt repeats: the prompt twice, the arguments, the references."""
    texts = 2 * (len(record.prompt.encode()) + len((record.edit_prompt or "").encode()))
    arguments = len(json.dumps([record.parameters, record.arguments]))
    return _ENTRY + texts + arguments + _REFERENCE * len(record.references)
