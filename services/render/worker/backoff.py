"""Backoff between attempts, and between polls. Pure."""

import random

from services.render.settings import RenderSettings

_POLL_FRACTION = 0.03  #: of the time that a job has taken: how much later its end may be noticed


def backoff(attempt: int, settings: RenderSettings) -> float:
    """Seconds before the attempt after this one: full jitter under a doubling bound."""
    bound = min(settings.backoff_max, settings.backoff_min * 2 ** (attempt - 1))
    return random.uniform(0, bound)  # noqa: S311  # spreads load, guards nothing


def poll_after(taken: float, settings: RenderSettings) -> float:
    """Seconds until the next poll: the longer a job has taken, the less a moment matters."""
    return min(max(settings.poll_min, _POLL_FRACTION * taken), settings.poll_max)
