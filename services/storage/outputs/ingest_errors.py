"""Errors of an ingest: which one ends the job, and which is waited out."""

from datetime import timedelta

from heliograph.contracts.errors import JobError, StorageFailed, Unavailable
from heliograph.contracts.records import Record
from heliograph.runtime.clock import now
from services.storage.outputs.sources import InlineResultMissing


def deciding_error(
    record: Record, errors: BaseExceptionGroup[Exception], *, deadline: float
) -> Exception:
    """
    The error that ends the job. Unavailable services are waited for until the deadline.

    Args:
        deadline: Seconds since the job's last event after which nothing is waited for.
    """
    final = errors.subgroup(JobError)
    is_late = now() - record.internal.changed_at > timedelta(seconds=deadline)
    if final:
        error = _first(final)
        is_on_its_way = isinstance(error, InlineResultMissing) and error.job == record.id
        return Unavailable(str(error)) if is_on_its_way and not is_late else error
    error = _first(errors)
    reason = error.strerror if isinstance(error, OSError) else error  # no names of our files
    if is_late:
        return StorageFailed(f"not stored before the deadline: {reason}")
    return Unavailable(str(reason))


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
