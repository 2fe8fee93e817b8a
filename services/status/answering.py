"""Questions over the bus that status answers: lists, and the last progress of a job."""

from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.errors import HeliographError
from heliograph.contracts.queries import JobPage, LatestProgress, ListedJob, ListJobs, Refusal
from services.status.hub import Hub
from services.status.ledgers import Ledger, Page
from services.status.ledgers.sql import cursor_after

QUEUE_GROUP = "status"  #: one of the status processes answers

_ENVELOPE = 64 * 1024  #: bytes of a reply kept free


async def answer_queries(client: Client, ledger: Ledger, hub: Hub) -> None:
    """Answer from now on."""

    async def list_jobs(message: Msg) -> None:
        try:
            page = await ledger.page(ListJobs.model_validate_json(message.data))
            answer = as_reply(page, client.max_payload - _ENVELOPE)
        except HeliographError as error:
            answer = Refusal(problem=error.problem()).model_dump_json().encode()
        await message.respond(answer)

    async def progress(message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        await message.respond(LatestProgress(report=hub.report(job)).model_dump_json().encode())

    await client.subscribe(subjects.QUERY_JOBS, queue=QUEUE_GROUP, cb=list_jobs)
    await client.subscribe(subjects.query_progress("*"), queue=QUEUE_GROUP, cb=progress)


def as_reply(page: Page, limit: int) -> bytes:
    """A page as a message; cut where it would not fit one, to be continued by its cursor."""
    items: list[ListedJob] = []
    size, following = 0, page.next
    for row in page.rows:
        item = ListedJob(sequence=row.sequence, record=row.record.model_dump(mode="json"))
        size += len(item.model_dump_json())
        if items and size > limit:
            following = cursor_after(page.rows[len(items) - 1].record)
            break
        items.append(item)
    return JobPage(items=items, next=following).model_dump_json().encode()
