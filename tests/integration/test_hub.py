"""The hub of a status process shows an event once, to everybody who waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.msg import Msg

from heliograph.contracts.events import Event
from heliograph.contracts.names import asset_id
from heliograph.contracts.queries import SignedObjects
from heliograph.contracts.records import Asset, Record
from heliograph.contracts.subjects import QUERY_SIGN
from heliograph.runtime.bus import now
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.presenting import Addresses, Presenter
from heliograph.runtime.tasks import running
from services.status.hub import Frame, Hub
from services.status.settings import StatusSettings
from tests.support.records import a_record, some_project


@asynccontextmanager
async def _hub(bus: NatsBus) -> AsyncIterator[Hub]:
    presenter = Presenter(StatusSettings(), Addresses(bus.jetstream))
    hub = Hub(bus, presenter, ring_bytes=1_000_000)
    async with running(hub=hub.run):
        await hub.opened.wait()
        yield hub


def _with_a_picture(project: str) -> Record:
    record = a_record(project=project)
    picture = Asset(
        id=asset_id(record.id, 0), index=0, media_type="image/png", bytes=1, sha256="0" * 64
    )
    return record.model_copy(update={"assets": [picture]})


async def _heard(hub: Hub, bus: NatsBus, record: Record) -> Frame:
    """The frame of an event that nobody listened to when it happened."""
    event = Event.of("accepted", record, now(), "test")
    sequence = (await bus.events.append(event, 0)).sequence
    async with asyncio.timeout(20):
        while not (frames := hub.recent(record.project, None, sequence - 1)):
            await hub.wait_beyond(sequence - 1)
            await asyncio.sleep(0)
    return frames[0]


async def test_a_client_that_goes_away_does_not_take_an_event_along(bus: NatsBus) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def sign(message: Msg) -> None:
        asked.set()
        await answers.wait()
        signed = SignedObjects(urls=["http://store/0"], expires_in=60)
        await message.respond(signed.model_dump_json().encode())

    storage = await bus.client.subscribe(QUERY_SIGN, cb=sign)
    async with _hub(bus) as hub:
        frame = await _heard(hub, bus, _with_a_picture(some_project()))
        one, other = (asyncio.create_task(hub.show(frame)) for _ in range(2))
        await asked.wait()
        one.cancel()
        answers.set()
        await other
    await storage.unsubscribe()

    assert '"url":"http://store/0"' in frame.text


async def test_what_needs_no_address_is_shown_without_asking_anybody(bus: NatsBus) -> None:
    async with _hub(bus) as hub:
        record = a_record(project=some_project())
        frame = await _heard(hub, bus, record)
        await hub.show(frame)

    assert f'"id":"{record.id}"' in frame.text
    assert frame.showing is None
