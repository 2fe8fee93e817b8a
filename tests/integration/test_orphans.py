"""What was acknowledged and is there again goes; what somebody still works on, or waits for, stays."""

from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.orphans import delete_orphans
from heliograph.runtime.bus.stream_configs import STORAGE
from heliograph.runtime.bus.work_queue import STREAM, ticket_for
from tests.support.orphans import make_orphan
from tests.support.records import a_record


async def test_an_orphan_is_deleted(bus: NatsBus) -> None:
    subject = await make_orphan(bus)

    assert subject in await delete_orphans(bus.jetstream, STREAM)
    assert await bus.jetstream.last(STREAM, subject) is None
    assert subject not in await delete_orphans(bus.jetstream, STREAM)


async def test_what_was_not_acknowledged_stays(bus: NatsBus) -> None:
    waiting, delivered = a_record(), a_record()
    await bus.work.enqueue(ticket_for(waiting))
    await bus.work.publish_store(delivered.project, delivered.id)
    messages = await bus.client.jetstream().pull_subscribe_bind(STORAGE, stream=STREAM)
    [message] = await messages.fetch(1)

    await delete_orphans(bus.jetstream, STREAM)

    assert await bus.work.has_work(waiting.id)
    assert await bus.work.has_work(delivered.id)
    await message.ack_sync()


async def test_requests_of_other_services_are_looked_through_too(bus: NatsBus) -> None:
    assert await delete_orphans(bus.jetstream, "REQUESTS") == []
