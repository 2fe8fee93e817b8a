"""A service pulls from every stream, however often it had to be started."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import PullConsumers
from tests.support.records import CURRENT_CATALOG
from tests.support.servers import Server, nats_running
from tests.support.timeouts import TIMEOUT


async def test_a_subscription_works_after_a_failed_start(bus: NatsBus, nats: Server) -> None:
    """The second stream is missing when the broker is started first."""
    names = [f"half-{number}-{secrets.token_hex(4)}" for number in (1, 2)]
    consumers = PullConsumers(nats.settings, "test")
    handled: asyncio.Queue[str] = asyncio.Queue()

    for name in names:
        consumers.add(f"{name}.>", _handing_on(handled), stream=name, durable=name, workers=2)

    await _create(bus, names[0])
    with pytest.raises(Unavailable):
        await consumers.start()
    await _create(bus, names[1])
    await consumers.start()

    for name in names:
        await bus.jetstream.publish(f"{name}.x", name.encode(), {})
    async with asyncio.timeout(TIMEOUT):
        assert {await handled.get(), await handled.get()} == set(names)
    await consumers.stop()


async def test_no_more_messages_are_handled_at_once_than_there_are_workers(
    bus: NatsBus, nats: Server
) -> None:
    name = f"many-{secrets.token_hex(4)}"
    consumers = PullConsumers(nats.settings, "test")
    at_once: list[int] = []
    handling, handled = 0, asyncio.Queue[str]()

    async def on_message(message: Msg) -> None:
        nonlocal handling
        handling += 1
        at_once.append(handling)
        await asyncio.sleep(0)
        await message.ack()
        handling -= 1
        handled.put_nowait(message.data.decode())

    await _create(bus, name)
    texts = {str(number) for number in range(20)}
    for text in texts:
        await bus.jetstream.publish(f"{name}.x", text.encode(), {})
    consumers.add(f"{name}.>", on_message, stream=name, durable=name, workers=3)
    await consumers.start()
    async with asyncio.timeout(TIMEOUT):
        assert {await handled.get() for _ in texts} == texts
    await consumers.stop()

    assert max(at_once) <= 3


async def test_a_handler_that_raises_does_not_end_its_consumer(bus: NatsBus, nats: Server) -> None:
    name = f"bug-{secrets.token_hex(4)}"
    consumers = PullConsumers(nats.settings, "test")
    handled: asyncio.Queue[str] = asyncio.Queue()

    async def on_message(message: Msg) -> None:
        await message.ack()
        handled.put_nowait(message.data.decode())
        raise RuntimeError("a bug")

    await _create(bus, name)
    consumers.add(f"{name}.>", on_message, stream=name, durable=name, workers=1)
    await consumers.start()
    async with asyncio.timeout(TIMEOUT):
        for text in ("one", "two"):
            await bus.jetstream.publish(f"{name}.x", text.encode(), {})
            assert await handled.get() == text
    await consumers.stop()


async def test_who_leaves_finishes_what_is_in_hand_and_takes_nothing_more(
    bus: NatsBus, nats: Server
) -> None:
    """What comes meanwhile is for others at once, and not after `ack_wait`."""
    name = f"leave-{secrets.token_hex(4)}"
    leaving, staying = (PullConsumers(nats.settings, "test") for _ in range(2))
    begun, end = asyncio.Event(), asyncio.Event()
    finished: list[str] = []
    elsewhere: asyncio.Queue[str] = asyncio.Queue()

    async def last(message: Msg) -> None:
        begun.set()
        await end.wait()
        await message.ack()
        finished.append(message.data.decode())

    await _create(bus, name)
    leaving.add(f"{name}.>", last, stream=name, durable=name, workers=10)
    await leaving.start()
    async with asyncio.timeout(TIMEOUT):
        await bus.jetstream.publish(f"{name}.x", b"first", {})
        await begun.wait()
        await leaving.stop_pulling()
        await bus.jetstream.publish(f"{name}.x", b"second", {})
        staying.add(f"{name}.>", _handing_on(elsewhere), stream=name, durable=name, workers=10)
        await staying.start()
        assert await elsewhere.get() == "second"
        end.set()
        await leaving.stop()
        await staying.stop()

    assert finished == ["first"]


async def test_a_consumer_goes_on_after_a_restart_of_the_server(tmp_path: Path) -> None:
    """The open request is gone with the server, and nobody says so."""
    name = f"restart-{secrets.token_hex(4)}"
    handled: asyncio.Queue[str] = asyncio.Queue()

    with nats_running(tmp_path) as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        await _create(bus, name, storage="file")
        consumers = PullConsumers(server.settings, "test")
        consumers.add(f"{name}.>", _handing_on(handled), stream=name, durable=name, workers=10)
        await consumers.start()
        async with asyncio.timeout(TIMEOUT):
            await bus.jetstream.publish(f"{name}.x", b"before", {})
            assert await handled.get() == "before"
            server.kill()
            server.start()
            await _publish_once_connected(bus, f"{name}.x", b"after")
            while (text := await handled.get()) == "before":  # its acknowledgement was lost
                continue
        await consumers.stop()
        await bus.close()

    assert text == "after"


async def test_no_header_of_a_message_says_where_a_reply_goes(bus: NatsBus, nats: Server) -> None:
    """Else whoever may publish a message could have the service that handles it publish anywhere."""
    name = f"attack-{secrets.token_hex(4)}"
    target = f"$KV.quotas.{name}"
    consumers = PullConsumers(nats.settings, "test")
    handled: asyncio.Queue[str] = asyncio.Queue()

    await _create(bus, name)
    consumers.add(f"{name}.>", _handing_on(handled), stream=name, durable=name, workers=1)
    await consumers.start()
    for text in ("attack", "next"):  # what follows is handled after the reply to the first
        await bus.jetstream.publish(f"{name}.x", text.encode(), {"reply_to": target})
    async with asyncio.timeout(TIMEOUT):
        assert [await handled.get(), await handled.get()] == ["attack", "next"]
    await consumers.stop()

    assert await bus.jetstream.last("KV_quotas", target) is None


def _handing_on(texts: asyncio.Queue[str]) -> Callable[[Msg], Awaitable[None]]:
    """A handler that acknowledges messages, and hands their texts on."""

    async def handle(message: Msg) -> None:
        await message.ack()
        texts.put_nowait(message.data.decode())

    return handle


async def _publish_once_connected(bus: NatsBus, subject: str, text: bytes) -> None:
    """What is sent while the server is away may be lost."""
    while True:
        with suppress(Unavailable):
            await bus.jetstream.with_timeout(2).publish(subject, text, {})
            return


async def _create(bus: NatsBus, name: str, *, storage: str = "memory") -> None:
    config = {"name": name, "subjects": [f"{name}.>"], "storage": storage}
    await bus.jetstream.api(f"STREAM.CREATE.{name}", config)
    durable = {"durable_name": name, "ack_policy": "explicit"}
    consumer = {"stream_name": name, "config": durable, "action": "create"}
    await bus.jetstream.api(f"CONSUMER.CREATE.{name}.{name}", consumer)
