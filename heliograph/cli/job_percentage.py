"""Percentage of a job: how far it is in each phase. Pure."""

#: how far a job is, at least, in each phase; a provider's own percentage fills the middle
_PERCENT = {
    "queued": 0,
    "retrying": 0,
    "submitting": 3,
    "provider_queue": 5,
    "rendering": 5,
    "downloading": 92,
    "storing": 96,
}


def percent(phase: str, provider: int | None = None) -> int:
    """Overall progress of a job, 0 to 100."""
    if phase == "rendering" and provider is not None:
        return 5 + provider * 85 // 100
    return _PERCENT.get(phase, 0)
