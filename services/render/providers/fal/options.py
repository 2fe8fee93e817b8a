"""Operator's options of fal."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class FalOptions:
    """Operator's options of fal."""

    base_url: str | None = None  #: a server in place of all of fal's hosts; None: fal
    priority: Literal["normal", "low"] = "normal"
    start_timeout: float | None = None  #: seconds in fal's queue, more than 1; None: no limit
    lifetime: int | None = None  #: seconds that fal keeps what it made for us; None: its default
    upload_ttl: int = 86_400  #: seconds that an uploaded reference is reused
    fallback: bool = False  #: whether fal may use another model
    poll_limit: float = 15.0  #: seconds for one question
    public_url: str | None = None  #: of this service, where fal can call it; None: it does not call
