"""Retry backoff: exponential with full jitter, between the attempts of a job."""

import random

from services.render.settings import RenderSettings


def backoff(attempt: int, settings: RenderSettings) -> float:
    """Seconds before the attempt after this one: full jitter under a doubling bound."""
    bound = min(settings.backoff_max, settings.backoff_min * 2 ** (attempt - 1))
    return random.uniform(0, bound)  # noqa: S311  # spreads load, guards nothing
