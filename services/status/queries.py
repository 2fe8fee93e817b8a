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
from services.status.maintenance.retention import RetentionJob
from services.status.maintenance.retention_policy import report_of
from services.status.read_model import ReadModel
from services.status.read_your_writes import ReadYourWrites
from services.status.reply_size import truncate_history, truncate_page
from services.status.slots import SlotReadModel

QUEUE_GROUP = "status"  #: one of the status processes answers

PROJECTS_TOLD = 200  #: that take most of the event log

_ENVELOPE = 64 * 1024  #: bytes of a reply kept free


async def serve_queries(
    bus: NatsBus,
    read_model: ReadModel,
    hub: Hub,
    slots: SlotReadModel,
    writes: ReadYourWrites,
    retention: RetentionJob,
) -> None:
    """Answer from now on."""
    room = bus.client.max_payload - _ENVELOPE
    accounts = AccountStatisticsReader(read_model)

    async def list_jobs(query: ListJobs) -> JobPage:
        page = job_page(await read_model.page(query), room, query.order, hub.report)
        counts = await read_model.counts(query) if query.counts else None
        return page.model_copy(update={"counts": counts})

    async def list_projects(query: ListProjects) -> ProjectPage:
        found = await read_model.projects(query)
        items = found[: query.limit]
        return ProjectPage(items=items, next=items[-1].project if len(found) > len(items) else None)

    async def account_statistics(_: ListAccountStatistics) -> AccountStatisticsList:
        return AccountStatisticsList(items=await accounts.read())

    async def list_slots(query: ListSlots) -> SlotPage:
        return truncate_page(await slots.page(query), room)

    async def get_slot(query: GetSlot) -> SlotHistory:
        return truncate_history(await slots.history(query), room)

    async def find_jobs(query: FindJobs) -> FoundJobs:
        await (writes.wait_for_log() if query.settled else writes.wait_for_live())
        found = await read_model.find(query)
        return FoundJobs(jobs=found[: query.limit], more=len(found) > query.limit)

    async def find_states(query: FindJobStates) -> JobStates:
        return JobStates(statuses=await read_model.statuses(query.jobs))

    async def find_occupied(query: FindOccupiedSlots) -> OccupiedSlots:
        await writes.wait_for_log()
        return OccupiedSlots(jobs=await read_model.filled(query.project, query.slots))

    async def find_uploads(query: FindNamedUploads) -> NamedUploads:
        await writes.wait_for_log()
        return NamedUploads(uploads=await read_model.named_uploads(query.project, query.uploads))

    async def find_result(query: FindResult) -> FoundResult:
        await writes.wait_for_live()
        return FoundResult(job=await read_model.result(query.project, query.digest))

    async def find_requests(query: FindRequests) -> KnownRequests:
        await writes.wait_for_log()
        return KnownRequests(known=await read_model.requests(query.provider, query.requests))

    async def plan_cleanup(query: PlanCleanup) -> CleanupReport:
        plan = await retention.plan(query.project, query.retention)
        return report_of(plan, query.project, dry_run=query.dry_run)

    async def log_usage(_: GetLogUsage) -> LogUsage:
        return await read_model.usage(PROJECTS_TOLD)

    async def usage(query: GetUsage) -> UsagePage:
        await writes.wait_for_live()
        return await read_model.usage_page(query)

    async def progress(query: GetProgress) -> LatestProgress:
        return LatestProgress(report=hub.report(query.job))

    await bus.serve(ListJobs, list_jobs, group=QUEUE_GROUP)
    await bus.serve(ListAccountStatistics, account_statistics, group=QUEUE_GROUP)
    await bus.serve(ListProjects, list_projects, group=QUEUE_GROUP)
    await bus.serve(FindJobs, find_jobs, group=QUEUE_GROUP)
    await bus.serve(FindJobStates, find_states, group=QUEUE_GROUP)
    await bus.serve(FindOccupiedSlots, find_occupied, group=QUEUE_GROUP)
    await bus.serve(FindResult, find_result, group=QUEUE_GROUP)
    await bus.serve(FindNamedUploads, find_uploads, group=QUEUE_GROUP)
    await bus.serve(FindRequests, find_requests, group=QUEUE_GROUP)
    await bus.serve(ListSlots, list_slots, group=QUEUE_GROUP)
    await bus.serve(GetSlot, get_slot, group=QUEUE_GROUP)
    await bus.serve(PlanCleanup, plan_cleanup, group=QUEUE_GROUP)
    await bus.serve(GetLogUsage, log_usage, group=QUEUE_GROUP)
    await bus.serve(GetUsage, usage, group=QUEUE_GROUP)
    await bus.serve(GetProgress, progress, group=QUEUE_GROUP)
