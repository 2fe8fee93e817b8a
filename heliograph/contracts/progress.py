"""Progress of a job at its provider: published while it runs, never stored."""

from typing import Literal

from pydantic import AwareDatetime, Field

from heliograph.contracts.job_steps import Phase
from heliograph.contracts.tolerant_reader import Tolerant


class LogLine(Tolerant):
    """A line of a provider's log."""

    at: AwareDatetime
    message: str


class Progress(Tolerant):
    """Progress at a provider. It is published beside the events, and not stored."""

    percent: int | None = None  #: 0 to 100
    basis: Literal["provider", "time"] | None = None  #: the source: the provider, or the clock
    provider_position: int | None = None  #: place in the provider's own queue, 0 is next
    eta_seconds: float | None = None
    logs: list[LogLine] = Field(default_factory=list)  #: the latest few, oldest first


class ProgressReport(Tolerant):
    """Progress of a job. Published while it renders, kept by status until the job ends."""

    job: str
    phase: Phase | str
    progress: Progress


class LatestProgress(Tolerant):
    """The last progress report of a job; null without one."""

    report: ProgressReport | None = None
