"""Rules of the sweeper: which jobs need work, are past a deadline, or need no account. Pure."""

from datetime import timedelta

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings

NEEDS_NO_ACCOUNT = frozenset({Step.RENDERED, Step.SUBMIT_UNKNOWN})


def needs_work(record: Record) -> bool:
    """Whether a job goes on only if a message is under way for it."""
    return not record.step.is_final and record.step is not Step.SUBMIT_UNKNOWN


def is_due(record: Record, unknown_expires_after: timedelta) -> bool:
    """Whether a deadline of the job has passed."""
    if record.step.is_final:
        return False
    if record.finish_by and record.finish_by <= now():
        return True
    undecided = record.step is Step.SUBMIT_UNKNOWN
    return undecided and now() - record.internal.changed_at >= unknown_expires_after


def needs_no_permit(record: Record) -> bool:
    """Whether a job needs no permit of an account."""
    is_over = record.step.is_final and not record.runs_on
    return is_over or record.step in NEEDS_NO_ACCOUNT


def max_stop_seconds(record: Record, catalog: Catalog, settings: ServiceSettings) -> float:
    """
    Seconds that a worker may need to stop a request: to end the POST that is under way, or for its
    message to be redelivered to another worker.
    """
    model = catalog.models.get(record.model)
    answers_within = (model.answers_within if model else None) or 0.0
    return max(settings.submit_limit, answers_within) + settings.ack_wait
