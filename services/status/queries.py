"""Replies to queries over the bus: jobs, slots, and dry runs of retention."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, MaxPayloadError
from pydantic import BaseModel

from heliograph.contracts import subjects
from heliograph.contracts.errors import HeliographError
from heliograph.contracts.progress import LatestProgress
from heliograph.contracts.queries.errors import ErrorReply
from heliograph.contracts.queries.read_model import (
    FindJobs,
    FindNamedUploads,
    FindOccupiedSlots,
    FindRequests,
    FindResult,
    FoundJobs,
    FoundResult,
    GetSlot,
    JobPage,
    KnownRequests,
    ListedJob,
    ListJobs,
    ListSlots,
    NamedUploads,
    OccupiedSlots,
    PlanCleanup,
    SlotHistory,
    SlotPage,
    SlotState,
)
from services.status.live.hub import Hub
from services.status.maintenance.retention import RetentionJob
from services.status.maintenance.retention_policy import report_of
from services.status.read_model import Page, ReadModel
from services.status.read_model.job_queries import cursor_after
from services.status.slots import SlotReadModel

log = structlog.get_logger()

QUEUE_GROUP = "status"  #: one of the status processes answers

PROJECTS_TOLD = 200  #: that take most of the event log
_ENVELOPE = 64 * 1024  #: bytes of a reply kept free


async def serve_queries(
    client: Client,
    read_model: ReadModel,
    hub: Hub,
    versions: SlotReadModel,
    retention: RetentionJob,
) -> None:
    """Answer from now on."""
    room = client.max_payload - _ENVELOPE

    async def list_jobs(question: bytes) -> bytes:
        return as_reply(await read_model.page(ListJobs.model_validate_json(question)), room)

    async def list_slots(question: bytes) -> bytes:
        page = await versions.page(ListSlots.model_validate_json(question))
        return as_json(truncate_page(page, room))

    async def get_slot(question: bytes) -> bytes:
        history = await versions.history(GetSlot.model_validate_json(question))
        return as_json(truncate_history(history, room))

    async def find_jobs(question: bytes) -> bytes:
        query = FindJobs.model_validate_json(question)
        await (versions.wait_for_log() if query.settled else versions.wait_for_live())
        found = await read_model.find(query)
        return as_json(FoundJobs(jobs=found[: query.limit], more=len(found) > query.limit))

    async def find_filled(question: bytes) -> bytes:
        await versions.wait_for_log()
        query = FindOccupiedSlots.model_validate_json(question)
        return as_json(OccupiedSlots(jobs=await read_model.filled(query.project, query.slots)))

    async def find_uploads(question: bytes) -> bytes:
        await versions.wait_for_log()
        query = FindNamedUploads.model_validate_json(question)
        named = await read_model.named_uploads(query.project, query.uploads)
        return as_json(NamedUploads(uploads=named))

    async def find_result(question: bytes) -> bytes:
        await versions.wait_for_live()
        query = FindResult.model_validate_json(question)
        return as_json(FoundResult(job=await read_model.result(query.project, query.digest)))

    async def find_requests(question: bytes) -> bytes:
        query = FindRequests.model_validate_json(question)
        await versions.wait_for_log()
        return as_json(
            KnownRequests(known=await read_model.requests(query.provider, query.requests))
        )

    async def plan_cleanup(question: bytes) -> bytes:
        query = PlanCleanup.model_validate_json(question)
        choice = await retention.plan(query.project, query.retention)
        return as_json(report_of(choice, query.project, dry_run=query.dry_run))

    async def log_usage(_: bytes) -> bytes:
        return as_json(await read_model.usage(PROJECTS_TOLD))

    async def progress(message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        await message.respond(as_json(LatestProgress(report=hub.report(job))))

    await client.subscribe(subjects.QUERY_JOBS, queue=QUEUE_GROUP, cb=_responder(list_jobs))
    await client.subscribe(subjects.QUERY_FIND, queue=QUEUE_GROUP, cb=_responder(find_jobs))
    await client.subscribe(subjects.QUERY_FILLED, queue=QUEUE_GROUP, cb=_responder(find_filled))
    await client.subscribe(subjects.QUERY_RESULT, queue=QUEUE_GROUP, cb=_responder(find_result))
    uploads = subjects.QUERY_NAMED_UPLOADS
    await client.subscribe(uploads, queue=QUEUE_GROUP, cb=_responder(find_uploads))
    await client.subscribe(subjects.QUERY_REQUESTS, queue=QUEUE_GROUP, cb=_responder(find_requests))
    await client.subscribe(subjects.QUERY_SLOTS, queue=QUEUE_GROUP, cb=_responder(list_slots))
    await client.subscribe(subjects.QUERY_SLOT, queue=QUEUE_GROUP, cb=_responder(get_slot))
    await client.subscribe(subjects.QUERY_CLEANUP, queue=QUEUE_GROUP, cb=_responder(plan_cleanup))
    await client.subscribe(subjects.QUERY_LOG_USAGE, queue=QUEUE_GROUP, cb=_responder(log_usage))
    await client.subscribe(subjects.query_progress("*"), queue=QUEUE_GROUP, cb=progress)


def _responder(answer: Callable[[bytes], Awaitable[bytes]]) -> Callable[[Msg], Awaitable[None]]:
    """Every question is answered, or refused with a problem; none waits for those before it."""
    answering: set[asyncio.Task[None]] = set()

    async def respond(message: Msg) -> None:
        try:
            reply = await answer(message.data)
        except HeliographError as error:
            reply = as_json(ErrorReply(problem=error.problem()))
        except Exception:  # whoever asked must hear something
            log.exception("Query handler failed", subject=message.subject)
            reply = as_json(ErrorReply(problem=HeliographError().problem()))
        with suppress(Error, ConnectionError):
            await _respond(message, reply)

    async def begin(message: Msg) -> None:
        task = asyncio.create_task(respond(message))
        answering.add(task)
        task.add_done_callback(answering.discard)

    return begin


async def _respond(message: Msg, reply: bytes) -> None:
    try:
        await message.respond(reply)
    except MaxPayloadError:
        log.error("Query reply too large", subject=message.subject, bytes=len(reply))
        problem = HeliographError("the answer is larger than a message").problem()
        await message.respond(as_json(ErrorReply(problem=problem)))


def as_reply(page: Page, limit: int) -> bytes:
    """A page as a message; cut where it would not fit one, to be continued by its cursor."""
    items = [
        ListedJob(sequence=row.sequence, record=row.record.model_dump(mode="json"))
        for row in page.rows
    ]
    kept = fit_in_message(items, limit)
    whole = kept == len(items)
    following = page.next if whole else cursor_after(page.rows[kept - 1].record)
    return as_json(JobPage(items=items[:kept], next=following))


def truncate_page(page: SlotPage, limit: int) -> SlotPage:
    """As many of the slots as fit a message, each by itself cut where even one would not."""
    states = [truncate_state(state, limit) for state in page.items]
    kept = fit_in_message(states, limit)
    following = page.next if kept == len(states) else states[kept - 1].slot
    return page.model_copy(update={"items": states[:kept], "next": following})


def truncate_history(history: SlotHistory, limit: int) -> SlotHistory:
    """As many of the versions as fit a message beside the slot; at least one."""
    state, versions = history.state, history.versions
    if state:
        state = truncate_state(state, limit - sum(len(as_json(each)) for each in versions[:1]))
        limit -= len(as_json(state))
    kept = fit_in_message(versions, limit)
    following = history.next if kept == len(versions) else versions[kept - 1].number
    changes = {"state": state, "versions": versions[:kept], "next": following}
    return history.model_copy(update=changes)


def truncate_state(state: SlotState, limit: int) -> SlotState:
    """A slot with as many of its failures, the newest, as fit in so many bytes beside the rest."""
    if len(as_json(state)) <= limit:
        return state
    rest = state.model_copy(update={"failures": []})
    kept = fit_in_message(state.failures, limit - len(as_json(rest)), least=0)
    return rest.model_copy(update={"failures": state.failures[:kept]})


def fit_in_message(items: Sequence[BaseModel], limit: int, *, least: int = 1) -> int:
    """How many of the first items fit in so many bytes of JSON; at least so many."""
    size = 0
    for count, item in enumerate(items):
        size += len(as_json(item)) + 1
        if count >= least and size > limit:
            return count
    return len(items)


def as_json(message: BaseModel) -> bytes:
    """A message as it travels."""
    return message.model_dump_json().encode()
