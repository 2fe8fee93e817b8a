"""What the sim understands; a request that says anything else is rejected."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Fault = Literal[
    "reject",
    "rate_limited",
    "unavailable",
    "policy",
    "lost_reply",
    "found_reply",
    "hang",
    "garbage",
    "no_output",
    "wrong_type",
    "huge",
    "flaky_download",
]


class SimArguments(BaseModel):
    """The arguments of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    seconds: float = Field(default=2.0, ge=0, le=3600)  #: how long it renders
    steps: int = Field(default=8, ge=1, le=1000)  #: progress reports
    price: Decimal = Decimal(0)  #: USD
    num_images: int = Field(default=1, ge=1, le=4)
    num_scenes: int = Field(default=5, ge=1, le=60)
    duration_seconds: int = Field(default=2, ge=1, le=10)  #: of a video
    aspect_ratio: Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9"] = "1:1"
    seed: int = Field(default=0, ge=0, lt=2**32)
    timeout_seconds: float | None = None  #: ours, not the provider's: how long to wait for it
    fault: Fault | None = None
