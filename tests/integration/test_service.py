"""A service opens step by step, and ends in an order in which nothing that is in hand is lost."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.service import Service
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers import Server
from tests.support.timeouts import TIMEOUT

Step = Callable[[], Awaitable[None]]


class Steps:
    """What a service did, in order, and whether its bus was connected then."""

    def __init__(self, service: Service[ServiceSettings]) -> None:
        self._service = service
        self.taken: list[tuple[str, bool]] = []

    def step(self, name: str) -> Step:
        async def take() -> None:
            self.note(name)

        return take

    def note(self, name: str) -> None:
        self.taken.append((name, self._service.bus.client.is_connected))


class Resource:
    def __init__(self, steps: Steps, name: str) -> None:
        self._steps = steps
        self._name = name

    async def aclose(self) -> None:
        self._steps.note(self._name)


async def test_tasks_begin_once_what_they_need_is_there(nats: Server) -> None:
    service = Service("test", nats.settings)
    steps = Steps(service)
    ended = asyncio.Event()

    async def last() -> None:
        steps.note("when prepared")
        ended.set()

    service.on_open(service.bus.opened.wait, steps.step("opening"))
    service.run_when_prepared(last=last)
    app = service.web("Test", [])

    async with app.router.lifespan_context(app), asyncio.timeout(TIMEOUT):
        await ended.wait()

    assert steps.taken == [("opening", True), ("when prepared", True)]


async def test_a_service_takes_requests_once_it_can_answer_them(nats: Server) -> None:
    service = Service("test", nats.settings)
    app = service.web("Test", [])

    async with app.router.lifespan_context(app):
        assert service.prepared.is_set()


async def test_a_service_answers_without_its_bus(nats: Server) -> None:
    """Its health says what is missing."""
    settings = nats.settings.model_copy(update={"nats_url": "nats://127.0.0.1:1"})
    service = Service("test", settings)
    app = service.web("Test", [])

    async with asyncio.timeout(TIMEOUT), app.router.lifespan_context(app):
        assert not service.prepared.is_set()


async def test_a_step_that_was_taken_is_not_taken_again(nats: Server) -> None:
    service = Service("test", nats.settings)
    steps = Steps(service)
    failures = [Unavailable("not yet"), Unavailable("not yet")]

    async def second() -> None:
        steps.note("second")
        if failures:
            raise failures.pop()

    service.on_open(steps.step("first"), second, steps.step("third"))
    app = service.web("Test", [])

    async with app.router.lifespan_context(app), asyncio.timeout(TIMEOUT):
        await service.prepared.wait()

    assert [name for name, _ in steps.taken] == ["first", "second", "second", "second", "third"]


async def test_a_message_in_hand_ends_before_the_bus_is_closed(bus: NatsBus, nats: Server) -> None:
    name = f"service-{secrets.token_hex(4)}"
    config = {"name": name, "subjects": [f"{name}.>"], "storage": "memory"}
    await bus.jetstream.api(f"STREAM.CREATE.{name}", config)
    durable = {"durable_name": name, "ack_policy": "explicit"}
    consumer = {"stream_name": name, "config": durable, "action": "create"}
    await bus.jetstream.api(f"CONSUMER.CREATE.{name}.{name}", consumer)
    service = Service("test", nats.settings)
    steps = Steps(service)
    begun, draining = asyncio.Event(), asyncio.Event()

    async def handle(message: Msg) -> None:
        begun.set()
        await draining.wait()
        await message.ack()
        steps.note("handled")

    async def drain() -> None:
        steps.note("drain")
        draining.set()

    service.consume(f"{name}.>", handle, stream=name, durable=name, workers=2)
    service.on_drain(drain)
    service.before_close(steps.step("before close"))
    service.close_last(Resource(steps, "first resource"), Resource(steps, "second resource"))
    app = service.web("Test", [])

    async with asyncio.timeout(TIMEOUT), app.router.lifespan_context(app):
        await bus.jetstream.publish(f"{name}.x", b"", {})
        await begun.wait()

    assert steps.taken == [
        ("drain", True),
        ("handled", True),
        ("before close", True),
        ("first resource", False),
        ("second resource", False),
    ]
    info = await bus.jetstream.api(f"CONSUMER.INFO.{name}.{name}")
    assert (info["num_pending"], info["num_ack_pending"]) == (0, 0)
