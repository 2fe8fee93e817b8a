"""Replies to queries over the bus: jobs, slots, and dry runs of retention."""

from heliograph.contracts.progress import LatestProgress
from heliograph.contracts.queries.account_statistics import (
    AccountStatisticsList,
    ListAccountStatistics,
)
from heliograph.contracts.queries.jobs import (
    FindJobs,
    FindJobStates,
    FindResult,
    FoundJobs,
    FoundResult,
    GetProgress,
    JobPage,
    JobStates,
    ListJobs,
)
from heliograph.contracts.queries.log_usage import GetLogUsage, LogUsage
from heliograph.contracts.queries.projects import ListProjects, ProjectPage
from heliograph.contracts.queries.provider_requests import FindRequests, KnownRequests
from heliograph.contracts.queries.retention import PlanCleanup
from heliograph.contracts.queries.slots import (
    FindOccupiedSlots,
    GetSlot,
    ListSlots,
    OccupiedSlots,
    SlotHistory,
    SlotPage,
)
from heliograph.contracts.queries.uploads import FindNamedUploads, NamedUploads
from heliograph.contracts.queries.usage import GetUsage, UsagePage
from heliograph.contracts.retention import CleanupReport
from heliograph.runtime.bus.nats_bus import NatsBus
from services.status.account_statistics import AccountStatisticsReader
from services.status.job_pages import job_page
from services.status.live.hub import Hub
from services.status.maintenance.retention import RetentionEnforcer
from services.status.maintenance.retention_policy import report_of
from services.status.read_model import ReadModel
from services.status.read_your_writes import ReadYourWrites
from services.status.reply_size import truncate_history, truncate_page
from services.status.slots import SlotReadModel

QUEUE_GROUP = "status"  #: one of the status processes replies

PROJECTS_TOLD = 200  #: that take most of the event log

_ENVELOPE = 64 * 1024  #: bytes of a reply kept free


async def serve_queries(
    bus: NatsBus,
    read_model: ReadModel,
    hub: Hub,
    slots: SlotReadModel,
    writes: ReadYourWrites,
    retention: RetentionEnforcer,
) -> None:
    """Serve queries from now on."""
    room = bus.client.max_payload - _ENVELOPE
    await QueryReplies(read_model, hub, slots, writes, retention, room=room).serve(bus)


class QueryReplies:
    """The replies of a status process, from the read model and the live hub."""

    def __init__(
        self,
        read_model: ReadModel,
        hub: Hub,
        slots: SlotReadModel,
        writes: ReadYourWrites,
        retention: RetentionEnforcer,
        *,
        room: int,
    ) -> None:
        """`room` is the most bytes of a reply."""
        self._read_model = read_model
        self._hub = hub
        self._slots = slots
        self._writes = writes
        self._retention = retention
        self._room = room
        self._accounts = AccountStatisticsReader(read_model)

    async def serve(self, bus: NatsBus) -> None:
        """Serve queries from now on."""
        await bus.serve(ListJobs, self._list_jobs, group=QUEUE_GROUP)
        await bus.serve(ListAccountStatistics, self._account_statistics, group=QUEUE_GROUP)
        await bus.serve(ListProjects, self._list_projects, group=QUEUE_GROUP)
        await bus.serve(FindJobs, self._find_jobs, group=QUEUE_GROUP)
        await bus.serve(FindJobStates, self._find_states, group=QUEUE_GROUP)
        await bus.serve(FindOccupiedSlots, self._find_occupied, group=QUEUE_GROUP)
        await bus.serve(FindResult, self._find_result, group=QUEUE_GROUP)
        await bus.serve(FindNamedUploads, self._find_uploads, group=QUEUE_GROUP)
        await bus.serve(FindRequests, self._find_requests, group=QUEUE_GROUP)
        await bus.serve(ListSlots, self._list_slots, group=QUEUE_GROUP)
        await bus.serve(GetSlot, self._get_slot, group=QUEUE_GROUP)
        await bus.serve(PlanCleanup, self._plan_cleanup, group=QUEUE_GROUP)
        await bus.serve(GetLogUsage, self._log_usage, group=QUEUE_GROUP)
        await bus.serve(GetUsage, self._usage, group=QUEUE_GROUP)
        await bus.serve(GetProgress, self._progress, group=QUEUE_GROUP)

    async def _list_jobs(self, query: ListJobs) -> JobPage:
        page = job_page(
            await self._read_model.page(query), self._room, query.order, self._hub.report
        )
        counts = await self._read_model.counts(query) if query.counts else None
        return page.model_copy(update={"counts": counts})

    async def _list_projects(self, query: ListProjects) -> ProjectPage:
        projects = await self._read_model.projects(query)
        items = projects[: query.limit]
        return ProjectPage(
            items=items, next=items[-1].project if len(projects) > len(items) else None
        )

    async def _account_statistics(self, _: ListAccountStatistics) -> AccountStatisticsList:
        return AccountStatisticsList(items=await self._accounts.read())

    async def _list_slots(self, query: ListSlots) -> SlotPage:
        return truncate_page(await self._slots.page(query), self._room)

    async def _get_slot(self, query: GetSlot) -> SlotHistory:
        return truncate_history(await self._slots.history(query), self._room)

    async def _find_jobs(self, query: FindJobs) -> FoundJobs:
        await (self._writes.wait_for_log() if query.settled else self._writes.wait_for_live())
        jobs = await self._read_model.find(query)
        return FoundJobs(jobs=jobs[: query.limit], more=len(jobs) > query.limit)

    async def _find_states(self, query: FindJobStates) -> JobStates:
        return JobStates(statuses=await self._read_model.statuses(query.jobs))

    async def _find_occupied(self, query: FindOccupiedSlots) -> OccupiedSlots:
        await self._writes.wait_for_log()
        return OccupiedSlots(jobs=await self._read_model.filled(query.project, query.slots))

    async def _find_uploads(self, query: FindNamedUploads) -> NamedUploads:
        await self._writes.wait_for_log()
        return NamedUploads(
            uploads=await self._read_model.named_uploads(query.project, query.uploads)
        )

    async def _find_result(self, query: FindResult) -> FoundResult:
        await self._writes.wait_for_live()
        return FoundResult(job=await self._read_model.result(query.project, query.digest))

    async def _find_requests(self, query: FindRequests) -> KnownRequests:
        await self._writes.wait_for_log()
        return KnownRequests(known=await self._read_model.requests(query.provider, query.requests))

    async def _plan_cleanup(self, query: PlanCleanup) -> CleanupReport:
        plan = await self._retention.plan(query.project, query.retention)
        return report_of(plan, query.project, dry_run=query.dry_run)

    async def _log_usage(self, _: GetLogUsage) -> LogUsage:
        return await self._read_model.usage(PROJECTS_TOLD)

    async def _usage(self, query: GetUsage) -> UsagePage:
        await self._writes.wait_for_live()
        return await self._read_model.usage_page(query)

    async def _progress(self, query: GetProgress) -> LatestProgress:
        return LatestProgress(report=self._hub.report(query.job))
