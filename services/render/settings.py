"""What an operator can change about render."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from heliograph.contracts.circuit_breaker import BreakerPolicy
from heliograph.runtime.settings import ServiceSettings, Url


class RenderSettings(ServiceSettings):
    max_attempts: int = Field(default=3, ge=1)  #: automatic submissions of a job
    #: starts in a row that no provider answered, as a process of ours died in each; then it is poison
    max_unanswered: int = Field(default=10, ge=1)
    backoff_min: float = Field(default=2.0, ge=0)  #: seconds before the second attempt, at most
    backoff_max: float = Field(default=60.0, ge=0)  #: seconds before any attempt, at most
    poll_min: float = Field(default=0.25, gt=0)  #: seconds between polls of a request, at least
    poll_max: float = Field(default=2.0, gt=0)  #: seconds between them, at most
    progress_interval: float = Field(default=0.5, gt=0)  #: seconds between reports of one job
    #: records of the sim provider are kept so long; longer than any of its requests takes
    sim_record_retention: timedelta = timedelta(days=30)
    #: bytes of answers on disk that wait for storage
    spool_max_bytes: int = Field(default=2 * 2**30, ge=0)
    dispatch: bool = True  #: whether this process may become the dispatcher
    fal_priority: Literal["normal", "low"] = "normal"  #: in fal's own queue
    #: seconds that a request may wait there before fal gives it up; null: as long as it takes
    fal_start_timeout: float | None = Field(default=None, gt=1)
    #: seconds that fal keeps the files it made for us; null: as long as the account says
    fal_lifetime: int | None = Field(default=None, ge=60)
    #: seconds until a process that began to bring a reference is thought dead; longer than it takes
    reference_upload_lease: float = Field(default=45.0, gt=0)
    #: seconds in which a reference that was brought to fal is used again
    fal_upload_ttl: int = Field(default=86_400, ge=1)
    fal_fallback: bool = False  #: whether fal may answer with another model, at another price
    fal_poll_limit: float = Field(default=15.0, gt=0)  #: seconds for one question to fal
    replicate_poll_limit: float = Field(default=15.0, gt=0)  #: seconds for one to Replicate
    #: where providers can call this service when a request is over; null: they do not
    render_public_url: Url | None = None
    prefetch: int = Field(default=2, ge=0)  #: jobs ready beyond a lane's cap, at most
    breaker_failures: int = Field(default=5, ge=1)  #: in a row, until the circuit breaker opens
    breaker_min: float = Field(default=10.0, gt=0)  #: seconds it stays open the first time
    breaker_max: float = Field(default=300.0, gt=0)  #: seconds it stays open at most

    @property
    def breaker_policy(self) -> BreakerPolicy:
        """With accounts."""
        return BreakerPolicy(
            failures=self.breaker_failures, min_pause=self.breaker_min, max_pause=self.breaker_max
        )

    @property
    def public_urls(self) -> list[str]:
        return [*super().public_urls, *filter(None, [self.render_public_url])]
