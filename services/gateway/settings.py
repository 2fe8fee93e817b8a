"""What an operator can change about the gateway."""

from pydantic import Field

from heliograph.runtime.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    #: seconds that a slot's claimant has to be accepted before another takes the slot over
    slot_claim_timeout: float = Field(default=10.0, gt=0)
    #: part of a stream that jobs need that may be in use before new ones are refused
    event_log_high_watermark: float = Field(default=0.9, gt=0, le=1)
    #: seconds to look for a result that can be used again; then the job is made
    result_cache_timeout: float = Field(default=1.0, gt=0)
    max_queued: int = Field(default=200_000, ge=1)  #: jobs that may wait in all
    max_queued_per_project: int = Field(default=20_000, ge=1)  #: jobs of one project that may wait
