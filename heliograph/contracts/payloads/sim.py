"""Request body of the sim provider; unknown fields are rejected."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, UnfitRequest

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


def build(call: Call) -> dict[str, Any]:
    """The arguments as they are."""
    body = {**call.arguments, **call.model.wire.fixed}
    try:
        SimArguments.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UnfitRequest(f"{name}: {first['msg']}", name=name) from None
    return body


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The sim's words are ours."""
    return dict(body)
