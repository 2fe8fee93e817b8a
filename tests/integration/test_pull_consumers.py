"""A service pulls from every stream, however often it had to be started."""

import asyncio
import secrets

import pytest
from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import PullConsumers
from tests.support.servers import Server
from tests.support.timeouts import TIMEOUT


async def test_a_subscription_works_after_a_failed_start(bus: NatsBus, nats: Server) -> None:
    """The second stream is missing when the broker is started first."""
    names = [f"half-{number}-{secrets.token_hex(4)}" for number in (1, 2)]
    consumers = PullConsumers(nats.settings, "test")
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def on_message(message: Msg) -> None:
        await message.ack()
        heard.put_nowait(message.subject)

    for name in names:
        consumers.add(f"{name}.>", on_message, stream=name, durable=name, workers=2)

    await _create(bus, names[0])
    with pytest.raises(Unavailable):
        await consumers.start()
    await _create(bus, names[1])
    await consumers.start()

    for name in names:
        await bus.jetstream.publish(f"{name}.x", b"", {})
    async with asyncio.timeout(TIMEOUT):
        assert {await heard.get(), await heard.get()} == {f"{name}.x" for name in names}
    await consumers.stop()


async def test_no_header_of_a_message_says_where_an_answer_goes(bus: NatsBus, nats: Server) -> None:
    """Else whoever may publish a message could have the service that handles it publish anywhere."""
    name = f"attack-{secrets.token_hex(4)}"
    target = f"$KV.quotas.{name}"
    consumers = PullConsumers(nats.settings, "test")
    handled: asyncio.Queue[str] = asyncio.Queue()

    async def on_message(message: Msg) -> None:
        await message.ack()
        handled.put_nowait(message.data.decode())

    await _create(bus, name)
    consumers.add(f"{name}.>", on_message, stream=name, durable=name, workers=1)
    await consumers.start()
    for text in ("attack", "next"):  # what follows is handled after the answer to the first
        await bus.jetstream.publish(f"{name}.x", text.encode(), {"reply_to": target})
    async with asyncio.timeout(TIMEOUT):
        assert [await handled.get(), await handled.get()] == ["attack", "next"]
    await consumers.stop()

    assert await bus.jetstream.last("KV_quotas", target) is None


async def _create(bus: NatsBus, name: str) -> None:
    config = {"name": name, "subjects": [f"{name}.>"], "storage": "memory"}
    await bus.jetstream.api(f"STREAM.CREATE.{name}", config)
