"""Queries for jobs of a project, answered by status."""

from typing import Any, Literal

from pydantic import Field

from heliograph.contracts.job_criteria import LabelledCriteria
from heliograph.contracts.progress import LatestProgress, ProgressReport
from heliograph.contracts.queries import JobQuery, Query
from heliograph.contracts.tolerant_reader import Tolerant

#: `ended`: those that ended last come first, and those that are open not at all
JobOrder = Literal["newest", "oldest", "ended"]


class ListedJob(Tolerant):
    """A record as the read model has it."""

    sequence: int
    record: dict[str, Any]
    report: ProgressReport | None = None  #: how far a running job is


class JobPage(Tolerant):
    """Part of a list. `next` continues it, null at its end."""

    items: list[ListedJob]
    next: str | None = None
    counts: dict[str, int] | None = None  #: jobs by status, where that was asked for


class ListJobs(LabelledCriteria, Query[JobPage]):
    """Jobs of a project, in an order. Answered by status with `JobPage`."""

    subject = "query.jobs.list"

    project: str
    statuses: list[str] = Field(default_factory=list)  #: any of these; empty: all
    order: JobOrder = "newest"
    counts: bool = False  #: of the jobs that match everything else, by status
    cursor: str | None = None
    limit: int = 50


class FoundJob(Tolerant):
    id: str
    retry_of: str | None = None


class FoundJobs(Tolerant):
    """A page of jobs, newest first."""

    jobs: list[FoundJob]
    more: bool  #: there are others


class FindJobs(LabelledCriteria, Query[FoundJobs]):
    """Which jobs of a project are there, by name only? Answered by status with `FoundJobs`."""

    subject = "query.jobs.find"

    project: str
    statuses: list[str] = Field(default_factory=list)  #: any of these; empty: all
    untried: bool = False  #: not those that were tried again, or whose slot had another job since
    retries: bool = False  #: only jobs that try another one again
    limit: int = 50
    settled: bool = False  #: read-your-writes: the reply includes everything in the log


class JobStates(Tolerant):
    statuses: dict[str, str]  #: of the jobs that are there


class FindJobStates(Query[JobStates]):
    """Recent status of some jobs. Answered by status with `JobStates`."""

    subject = "query.jobs.states"

    jobs: list[str] = Field(max_length=1_000)


class FoundResult(Tolerant):
    job: str | None = None  #: the last one that made it


class FindResult(Query[FoundResult]):
    """Is there a stored result of a project like this? Answered by status with `FoundResult`."""

    subject = "query.results.find"

    project: str
    digest: str  #: `result_digest` of records


class GetProgress(JobQuery[LatestProgress]):
    """Progress of a running job. Answered by status with `LatestProgress`."""

    subject = "query.jobs.progress.*"
