"""Operator's options of Replicate."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReplicateOptions:
    """Operator's options of Replicate."""

    base_url: str | None = None  #: a server in Replicate's place; None: Replicate
    poll_limit: float = 15.0  #: seconds for one question
