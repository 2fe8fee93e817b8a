"""Records each submission's outcome in the account's circuit breaker."""

from contextlib import suppress
from functools import partial

import structlog

from heliograph.contracts.circuit_breaker import CircuitBreaker, after_failure
from heliograph.contracts.errors import (
    AccountRefused,
    JobError,
    ProviderUnavailable,
    QueueFull,
    Unavailable,
)
from heliograph.contracts.records import Record
from heliograph.runtime.clock import now
from services.render.bounded_text import short_text
from services.render.worker.context import Worker

log = structlog.get_logger()


async def record_outcome(worker: Worker, record: Record, error: JobError | None) -> None:
    """
    Record a submission's outcome for all processes. A provider that refuses a request is working.

    Best effort: the next submission records the same.
    """
    account = record.internal.account
    with suppress(Unavailable, QueueFull):
        if not isinstance(error, AccountRefused | ProviderUnavailable):
            await worker.accounts.update_breaker(account, _reset)
            return
        reason = short_text(str(error))
        failed = partial(
            after_failure,
            reason=reason,
            at=now(),
            policy=worker.settings.breaker_policy,
            non_retryable=isinstance(error, AccountRefused),
        )
        await worker.accounts.update_breaker(account, failed)
        log.warning(
            "Circuit breaker counted a failure", account=account, code=error.code, reason=reason
        )


def _reset(_: CircuitBreaker | None) -> None:
    """Close the circuit breaker."""
