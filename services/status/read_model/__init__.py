"""The read model: the last record of every job, as of one sequence of the event log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from heliograph.contracts.queries.jobs import FindJobs, FoundJob, ListJobs
from heliograph.contracts.queries.log_usage import LogUsage
from heliograph.contracts.queries.projects import ListProjects, ProjectActivity
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from heliograph.contracts.queries.usage import GetUsage, UsagePage
from heliograph.contracts.retention import Rule
from services.status.read_model.rows import FinishedJob, History, IdleJob, Page, Row
from services.status.read_model.slot_rows import SlotSnapshot
from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotPage, SnapshotQuery

_NOTHING: Mapping[str, int] = {}


class CursorConflict(Exception):
    """Another projector applied events meanwhile: read the cursor again."""


class Unstorable(Exception):
    """The database permanently refuses a value of a record."""


class ReadModel(Protocol):
    """
    Keeps rows, and the sequence up to which they are complete.

    Raises:
        Unavailable: The database does not respond.
    """

    async def prepare(self) -> None:
        """Make what is missing in the database."""

    async def open(self, epoch: str) -> int:
        """The cursor. Events of another epoch than before are forgotten first."""

    async def cursor(self) -> int:
        """The cursor, for looking only; 0 before it is open."""

    async def apply(
        self,
        rows: Sequence[Row],
        before: int,
        after: int,
        *,
        others: Mapping[str, int] = _NOTHING,
    ) -> None:
        """
        Take in the events between two cursors, in one transaction. `others` are bytes of events that
        are about no job, by project.

        Raises:
            CursorConflict: The cursor is not `before`.
            Unstorable: The database permanently refuses one of the records.
        """

    async def page(self, query: ListJobs) -> Page:
        """Jobs of a project, in the order of the query."""

    async def counts(self, query: ListJobs) -> dict[str, int]:
        """Jobs of each status that match everything else in a query."""

    async def projects(self, query: ListProjects) -> list[ProjectActivity]:
        """Projects that have jobs, by name; one more than the limit, if there are."""

    async def usage_page(self, query: GetUsage) -> UsagePage:
        """Jobs of a project added up by period and by the dimensions of the query."""

    async def find(self, query: FindJobs) -> list[FoundJob]:
        """Names of jobs of a project, newest first; one more than the limit, if there are."""

    async def known(self, project: str, jobs: Sequence[str]) -> set[str]:
        """Which of these jobs the project has, as far as the read model is."""

    async def statuses(self, jobs: Sequence[str]) -> dict[str, str]:
        """The status of each of these jobs that is there."""

    async def head(self, epoch: str) -> int:
        """The cursor, once the read model holds events of that epoch. Raises Unavailable before."""

    async def snapshot(
        self, query: SnapshotQuery, after: SnapshotCursor | None, *, limit: int, room: int
    ) -> SnapshotPage:
        """
        The next jobs of a snapshot, the oldest first: at most so many, and so many bytes of
        records, but always one. What changes between two pages is in either, or in both.
        """

    async def slots(self, query: ListSlots) -> SlotSnapshot:
        """Slots of a project, by name."""

    async def slot(self, query: GetSlot) -> SlotSnapshot:
        """One slot; an empty snapshot if no job ever named it."""

    async def versions(self, project: str, slot: str, after: int, limit: int) -> list[Row]:
        """Kept versions of a slot after a number, in order."""

    async def ended_records(self, since: datetime, limit: int) -> list[str]:
        """Records of jobs that ended since a time, as JSON, those that ended last first."""

    async def result(self, project: str, digest: str) -> str | None:
        """The last job that made a result by that digest."""

    async def named_uploads(self, project: str, uploads: Sequence[str]) -> list[str]:
        """The uploads that kept jobs name."""

    async def requests(self, provider: str, named: Sequence[str]) -> list[str]:
        """Which of these requests at a provider an attempt of any job has."""

    async def filled(self, project: str, slots: Sequence[str]) -> dict[str, str]:
        """The open job of each slot, else the last one."""

    async def unchanged_since(
        self, at: datetime, limit: int, after: IdleJob | None = None
    ) -> list[IdleJob]:
        """Jobs that are not final and had no event since, the quietest first, after one of them."""

    async def due(self, at: datetime, unknown_since: datetime, limit: int) -> list[str]:
        """Jobs past their `finish_by`, or in `submit_unknown` since a time."""

    async def undecided(self) -> list[str]:
        """All jobs in `submit_unknown`, the quietest first."""

    async def untrimmed(
        self, finished_before: datetime, limit: int, project: str | None = None
    ) -> list[History]:
        """Final jobs whose events were not trimmed yet, the oldest first."""

    async def histories(self, limit: int) -> list[History]:
        """Any jobs with more than their last event in the log, those with most of it first."""

    async def compactable(
        self, finished_before: datetime, larger_than: int, limit: int, project: str | None = None
    ) -> list[str]:
        """Final jobs whose last event is larger than so many bytes, the oldest first."""

    async def trimmed(self, jobs: Sequence[str]) -> None:
        """Note that only their last events are left."""

    async def expired(
        self, finished_before: datetime, limit: int, budgeted: Sequence[str]
    ) -> list[History]:
        """
        Jobs that ended before a time, and of which only the record is left, the oldest first: pruned, their
        objects removed, no version of a slot, and named by no other job. Of `budgeted` projects only those
        that cost nothing.
        """

    async def removed(self, jobs: Sequence[History]) -> None:
        """Forget jobs that are in the log no more; one that had another event meanwhile stays."""

    async def usage(self, limit: int) -> LogUsage:
        """Usage of the event log per project, the largest first."""

    async def ended(self, project: str, rule: Rule, at: datetime) -> list[FinishedJob]:
        """Jobs of a project that are over, not pruned, and not kept by a rule; the oldest first."""

    async def unemptied(self, pruned_before: datetime, limit: int) -> list[str]:
        """Jobs that were pruned before a time, are not in use, and may have objects in the store."""

    async def objects_deleted(self, jobs: Sequence[str]) -> None:
        """Note that they have none."""

    async def check(self) -> None:
        """Readiness check of the database."""
