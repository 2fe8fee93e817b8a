"""Poll interval: seconds between two polls of a request. Pure."""

from services.render.settings import RenderSettings

_FRACTION = 0.03  #: of the time that a job has taken: how much later its end may be noticed


def poll_interval(taken: float, settings: RenderSettings) -> float:
    """Seconds until the next poll: the longer a job has run, the longer the interval."""
    return min(max(settings.poll_min, _FRACTION * taken), settings.poll_max)
