"""Settings of render."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from heliograph.contracts.circuit_breaker import BreakerPolicy
from heliograph.runtime.setting_types import Url
from heliograph.runtime.settings import ServiceSettings


class RenderSettings(ServiceSettings):
    max_attempts: int = Field(default=3, ge=1)  #: automatic submissions of a job
    #: starts in a row without a response, each ended by a crash; then the job is dead-lettered
    max_unanswered: int = Field(default=10, ge=1)
    backoff_min: float = Field(default=2.0, ge=0)  #: seconds before the second attempt, at most
    backoff_max: float = Field(default=60.0, ge=0)  #: seconds before any attempt, at most
    poll_min: float = Field(default=0.25, gt=0)  #: seconds between polls of a request, at least
    poll_max: float = Field(default=2.0, gt=0)  #: seconds between them, at most
    progress_interval: float = Field(default=0.5, gt=0)  #: seconds between reports of one job
    #: how long records of the sim provider are kept; longer than any of its requests takes
    sim_record_retention: timedelta = timedelta(days=30)
    #: bytes of inline outputs on disk that wait for storage
    spool_max_bytes: int = Field(default=2 * 2**30, ge=0)
    dispatch: bool = True  #: whether this process may become the dispatcher
    run_jobs: bool = True  #: whether it takes jobs from the lanes and submits them
    fal_priority: Literal["normal", "low"] = "normal"  #: in fal's own queue
    #: seconds that a request may wait in fal's queue; null: no limit
    fal_start_timeout: float | None = Field(default=None, gt=1)
    #: seconds that fal keeps output files; null: the account's default
    fal_lifetime: int | None = Field(default=None, ge=60)
    #: seconds until an upload of a reference is taken over; longer than an upload takes
    reference_upload_lease: float = Field(default=45.0, gt=0)
    #: seconds that an uploaded reference is reused at fal
    fal_upload_ttl: int = Field(default=86_400, ge=1)
    fal_fallback: bool = False  #: whether fal may use another model, at another price
    fal_poll_limit: float = Field(default=15.0, gt=0)  #: seconds for one poll of fal
    replicate_poll_limit: float = Field(default=15.0, gt=0)  #: seconds for one poll of Replicate
    #: base URL for webhooks of providers; null: none are requested
    render_public_url: Url | None = None
    prefetch: int = Field(default=2, ge=0)  #: jobs dispatched beyond a lane's cap, at most
    breaker_failures: int = Field(default=5, ge=1)  #: in a row, until the circuit breaker opens
    breaker_min: float = Field(default=10.0, gt=0)  #: seconds it stays open the first time
    breaker_max: float = Field(default=300.0, gt=0)  #: seconds it stays open at most

    @model_validator(mode="after")
    def _has_a_role(self) -> Self:
        if not (self.dispatch or self.run_jobs):
            raise ValueError(
                "HELIOGRAPH_DISPATCH and HELIOGRAPH_RUN_JOBS are both false: nothing is left to do"
            )
        return self

    @property
    def role(self) -> str:
        """The user of the bus that the process is; a dispatcher alone needs less than a worker."""
        return "render" if self.run_jobs else "dispatcher"

    @property
    def breaker_policy(self) -> BreakerPolicy:
        """Policy of the circuit breakers of accounts."""
        return BreakerPolicy(
            failures=self.breaker_failures, min_pause=self.breaker_min, max_pause=self.breaker_max
        )

    @property
    def public_urls(self) -> list[str]:
        return [*super().public_urls, *filter(None, [self.render_public_url])]
