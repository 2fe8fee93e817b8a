"""Result of a submission: its event, and its effect on the circuit breaker. Pure."""

from heliograph.contracts.errors import JobError, ProviderUnavailable
from heliograph.contracts.job_events import JobEvent, Submitted
from heliograph.contracts.records import Record
from heliograph.runtime.clock import now
from services.render.bounded_text import short_excerpt
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import Accepted
from services.render.settings import RenderSettings
from services.render.worker.outcomes import after_poll, retry_or_fail

SubmitResult = Accepted | RequestSucceeded | RequestStopped | JobError


def submission_event(
    record: Record, result: Accepted | RequestStopped | JobError, settings: RenderSettings
) -> JobEvent:
    match result:
        case Accepted():
            return Submitted(
                run=record.internal.run,
                request_id=result.request_id,
                answer=short_excerpt(result.excerpt),
            )
        case RequestStopped():
            return after_poll(record, result, now(), settings)
        case JobError():
            return retry_or_fail(record, result, now(), settings)


def breaker_error(result: SubmitResult | None) -> JobError | None:
    """The error that counts against the account's circuit breaker; None when the provider works."""
    if result is None:
        return ProviderUnavailable("it did not answer")
    return result if isinstance(result, JobError) else None
