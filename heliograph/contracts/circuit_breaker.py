"""
Circuit breaker of an account: stops requests to a provider that would fail again. Pure.

Closed: everything goes. After so many failures in a row, or one non-retryable failure, it opens:
nothing starts until a time. Then it is half open: one job is let through, and decides.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from heliograph.contracts.tolerant_reader import Tolerant

PROBE = timedelta(seconds=120)  #: until the result of the probe job is due

State = Literal["closed", "open", "half_open"]


class CircuitBreaker(Tolerant):
    """Circuit breaker of an account: its recent failures. An account without one has none."""

    failures: int = 0  #: in a row
    reason: str = ""  #: of the last one
    until: AwareDatetime | None = None  #: nothing starts before; null while it is closed
    pause: float = 0  #: seconds it opened for the last time
    probe: str | None = None  #: the job that was let through
    probe_until: AwareDatetime | None = None

    def state(self, at: datetime) -> State:
        if self.until is None:
            return "closed"
        return "open" if at < self.until else "half_open"

    def admits(self, job: str, at: datetime) -> bool:
        """Whether a job may start."""
        state = self.state(at)
        if state != "half_open":
            return state == "closed"
        return self.probe in (None, job) or self.probe_until is None or at >= self.probe_until

    def admitting(self, job: str, at: datetime) -> "CircuitBreaker":
        """The breaker after a job started: half open, that job is the probe."""
        if self.state(at) != "half_open":
            return self
        return self.model_copy(update={"probe": job, "probe_until": at + PROBE})


class BreakerPolicy(BaseModel):
    """Threshold and durations of a circuit breaker."""

    model_config = ConfigDict(frozen=True)

    failures: int = 5  #: in a row
    min_pause: float = 10.0  #: seconds it opens for the first time; doubled every time after
    max_pause: float = 300.0  #: seconds


def after_failure(
    breaker: CircuitBreaker | None,
    reason: str,
    at: datetime,
    policy: BreakerPolicy,
    *,
    non_retryable: bool,
) -> CircuitBreaker:
    """The breaker after another failure. `non_retryable`: retries fail until the operator acts."""
    breaker = breaker or CircuitBreaker()
    failures = breaker.failures + 1
    counted = breaker.model_copy(update={"failures": failures, "reason": reason})
    is_open = breaker.state(at) == "open"  # started before it opened: it says nothing new
    if is_open or not (non_retryable or breaker.until or failures >= policy.failures):
        return counted
    pause = min(max(2 * breaker.pause, policy.min_pause), policy.max_pause)
    return counted.model_copy(
        update={
            "until": at + timedelta(seconds=pause),
            "pause": pause,
            "probe": None,
            "probe_until": None,
        }
    )
