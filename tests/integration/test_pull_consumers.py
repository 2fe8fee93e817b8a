"""The broker pulls from every lane, however often it had to be started."""

import asyncio
import secrets

import pytest
from faststream import AckPolicy
from faststream.nats import JStream, NatsMessage, PullSub

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import create_broker
from tests.support.servers import Server


async def test_a_subscription_works_after_a_failed_start(bus: NatsBus, nats: Server) -> None:
    """The second stream is missing when the broker is started first."""
    names = [f"half-{number}-{secrets.token_hex(4)}" for number in (1, 2)]
    connection = Connection(nats.settings, "test")
    broker = create_broker(nats.settings, connection)
    heard: asyncio.Queue[str] = asyncio.Queue()

    for name in names:

        @broker.subscriber(
            f"{name}.>",
            stream=JStream(name, declare=False),
            durable=name,
            pull_sub=PullSub(batch_size=1, timeout=1),
            max_workers=2,
            ack_policy=AckPolicy.MANUAL,
        )
        async def on_message(message: NatsMessage) -> None:
            await message.raw_message.ack()
            heard.put_nowait(message.raw_message.subject)

    await _create(bus, names[0])
    with pytest.raises(Unavailable):
        await broker.start()
    await _create(bus, names[1])
    await broker.start()

    for name in names:
        await bus.jetstream.publish(f"{name}.x", b"", {})
    async with asyncio.timeout(60):
        assert {await heard.get(), await heard.get()} == {f"{name}.x" for name in names}
    connection.expect_close()
    await broker.stop()


async def _create(bus: NatsBus, name: str) -> None:
    config = {"name": name, "subjects": [f"{name}.>"], "storage": "memory"}
    await bus.jetstream.api(f"STREAM.CREATE.{name}", config)
