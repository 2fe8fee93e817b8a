"""Queries that status answers from its read model."""

from typing import Any, Literal

from pydantic import Field

from heliograph.contracts.job_criteria import LabelledCriteria
from heliograph.contracts.progress import LatestProgress, ProgressReport
from heliograph.contracts.queries import JobQuery, Query
from heliograph.contracts.retention import CleanupReport, Retention
from heliograph.contracts.tolerant_reader import Tolerant

#: `ended`: those that ended last come first, and those that are open not at all
JobOrder = Literal["newest", "oldest", "ended"]

MAX_REQUESTS = 1_000  #: of a provider that are asked about at once


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


class OccupiedSlots(Tolerant):
    """By what each slot that was asked for is filled; those that miss here are empty."""

    jobs: dict[str, str]  #: slot -> the job that is making a version, or made the latest


class FindOccupiedSlots(Query[OccupiedSlots]):
    """
    Which of these slots have a version or are being filled? Answered by status with `OccupiedSlots`,
    including everything in the log.
    """

    subject = "query.slots.filled"

    project: str
    slots: list[str]


class JobView(Tolerant):
    """A record of the read model without its `internal`."""

    sequence: int
    job: dict[str, Any]


class SlotVersion(Tolerant):
    """What filled a slot: a job that succeeded."""

    number: int  #: counted from 1
    made_by: JobView


class SlotState(Tolerant):
    """A slot, as a page has to draw it."""

    slot: str
    versions: int  #: how many there are
    current: SlotVersion | None
    active: JobView | None
    report: ProgressReport | None  #: how far the active job is
    failures: list[JobView]  #: since the last success, the newest first


class SlotPage(Tolerant):
    """Slots as they stood after an event. `next` continues the list, null at its end."""

    epoch: str
    sequence: int
    items: list[SlotState]
    next: str | None = None


class ListSlots(Query[SlotPage]):
    """Slots of a project, by name. Answered by status with `SlotPage`."""

    subject = "query.slots.list"

    project: str
    prefix: str = ""
    cursor: str | None = None  #: the last slot of the page before
    limit: int = 200


class SlotHistory(Tolerant):
    """A slot with some of its versions. `next` continues those, null at their end."""

    epoch: str
    sequence: int
    state: SlotState | None  #: null when no job was ever for the slot
    versions: list[SlotVersion]
    next: int | None = None


class GetSlot(Query[SlotHistory]):
    """One slot, with its versions. Answered by status with `SlotHistory`."""

    subject = "query.slots.get"

    project: str
    slot: str
    after: int = 0  #: versions after this number
    limit: int = 200
    settled: bool = False  #: read-your-writes: the reply includes everything in the log


class FoundResult(Tolerant):
    job: str | None = None  #: the last one that made it


class FindResult(Query[FoundResult]):
    """Is there a stored result of a project like this? Answered by status with `FoundResult`."""

    subject = "query.results.find"

    project: str
    digest: str  #: `result_digest` of records


class KnownRequests(Tolerant):
    """Those of the requests that an attempt has."""

    known: list[str]


class FindRequests(Query[KnownRequests]):
    """
    Which of these requests at a provider are known to an attempt of any job? Answered by status with
    `KnownRequests`, including everything in the log.
    """

    subject = "query.requests.find"

    provider: str
    requests: list[str] = Field(max_length=MAX_REQUESTS)


class PlanCleanup(Query[CleanupReport]):
    """Dry run of retention. Answered by status with `CleanupReport`."""

    subject = "query.cleanup"

    project: str
    retention: Retention
    dry_run: bool  #: of the report


class NamedUploads(Tolerant):
    uploads: list[str]


class FindNamedUploads(Query[NamedUploads]):
    """
    Which of these uploads does a job name that the project keeps? Answered by status with
    `NamedUploads`, including everything in the log.
    """

    subject = "query.uploads.named"

    project: str
    uploads: list[str] = Field(max_length=500)  #: digests


class LogUsage(Tolerant):
    """Bytes of the event log that jobs take, and will."""

    sequence: int  #: what is after it is not counted yet
    reserve: int  #: of all open jobs, for what they still need to end
    projects: dict[str, int]  #: those that take most, each with its reserve


class GetLogUsage(Query[LogUsage]):
    """How much of the event log do jobs take, and will they? Answered by status with `LogUsage`."""

    subject = "query.log.usage"


class GetProgress(JobQuery[LatestProgress]):
    """How far is a running job? Answered by status with `LatestProgress`."""

    subject = "query.jobs.progress.*"
