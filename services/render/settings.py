"""What an operator can change about render."""

from pydantic import Field

from heliograph.runtime.settings import ServiceSettings


class RenderSettings(ServiceSettings):
    max_attempts: int = Field(default=3, ge=1)  #: submissions of a job that nobody asked for
    backoff_min: float = Field(default=2.0, ge=0)  #: seconds before the second attempt, at most
    backoff_max: float = Field(default=60.0, ge=0)  #: seconds before any attempt, at most
    poll_min: float = Field(default=0.25, gt=0)  #: seconds between the first questions
    poll_max: float = Field(default=2.0, gt=0)  #: seconds between later ones
    progress_every: float = Field(default=0.5, gt=0)  #: seconds between reports of one job
    dispatch: bool = True  #: whether this process may become the dispatcher
    look_ahead: int = Field(default=2, ge=0)  #: jobs ready beyond a lane's cap
