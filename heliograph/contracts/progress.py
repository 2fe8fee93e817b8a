"""Progress reports: published while a job runs, kept by status until it ends, never stored."""

from heliograph.contracts.records import Phase, Progress
from heliograph.contracts.tolerant_reader import Tolerant


class ProgressReport(Tolerant):
    """Progress of a job. Published while it renders, kept by status until the job ends."""

    job: str
    phase: Phase | str
    progress: Progress


class LatestProgress(Tolerant):
    """The last progress report of a job; null without one."""

    report: ProgressReport | None = None
