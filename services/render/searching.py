"""Searching: `submit_unknown`. A request that was not to be seen may be seen later."""

from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.errors import AccountRefused, ProviderUnavailable
from heliograph.contracts.facts import Submitted
from heliograph.contracts.records import Step
from heliograph.runtime.bus.work import ticket_for
from services.render.providers import Found
from services.render.submitting import submission_of
from services.render.workbench import Workbench

QUEUE_GROUP = "render"  #: one of the render processes looks


async def search(bench: Workbench, job: str) -> None:
    """Look for a job's request; once it is found, a worker follows it."""
    found = await bench.read(job)
    if found is None or found[1].step is not Step.SUBMIT_UNKNOWN:
        return
    record = found[1]
    try:
        seen = await bench.provider(record).look_up(submission_of(record))
    except (ProviderUnavailable, AccountRefused):
        return
    if isinstance(seen, Found):
        run = record.internal.run
        await bench.write(job, run, Submitted(run=run, request_id=seen.request_id))
        await bench.work.enqueue(ticket_for(record))


async def search_when_asked(client: Client, bench: Workbench) -> None:
    """Search whenever somebody thinks it is time."""

    async def on_hint(message: Msg) -> None:
        await search(bench, message.subject.rsplit(".", 1)[1])

    await client.subscribe(subjects.LOOK_UP, queue=QUEUE_GROUP, cb=on_hint)
