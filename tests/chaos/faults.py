"""What goes wrong in a storm: each sort of fault, from its beginning until it is healed."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import nats
from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.events import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Servers
from tests.support.clocks import WallClock
from tests.support.stack import Stack

Sort = Literal["kill", "freeze", "cut", "hold", "outage", "full", "roll", "garbage", "clock"]

_LOOK_AGAIN = 0.05  #: seconds
_PATIENCE = 60.0  #: seconds for a process to be started again
_ROOM = 64 * 1024  #: bytes that a full log still takes


class Fault(NamedTuple):
    """Something to go wrong."""

    sort: Sort
    target: str  #: a process, the service whose connections they are, or a server

    def __str__(self) -> str:
        return f"{self.sort} {self.target}"


@dataclass(frozen=True)
class Breaker:
    """Breaks things. `servers` are needed for what happens between processes."""

    stack: Stack
    rng: random.Random
    servers: Servers | None = None
    clock: WallClock | None = None  #: of the processes
    #: two outages, or two changes of one stream, at once would heal each other wrongly
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def break_(self, fault: Fault) -> None:
        """Until it is healed; what died is on its way back then."""
        how: dict[Sort, Callable[[str], Awaitable[None]]] = {
            "kill": self.kill,
            "freeze": self.freeze,
            "cut": self.cut,
            "hold": self.hold,
            "outage": self.outage,
            "full": self.full,
            "roll": self.roll,
            "garbage": self.garbage,
            "clock": self.step,
        }
        await how[fault.sort](fault.target)

    async def kill(self, name: str) -> None:
        """`kill -9`, as soon as there is something to kill."""
        while not self.stack.kill(name):
            await asyncio.sleep(_LOOK_AGAIN)

    async def freeze(self, name: str) -> None:
        """SIGSTOP for longer than anybody waits for it, then SIGCONT: a zombie wakes."""
        pid = await self._pid(name)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self.rng.uniform(4, 20))
            finally:
                os.kill(pid, signal.SIGCONT)

    async def cut(self, name: str) -> None:
        """Every connection of a service to NATS, or of all to the store, is reset."""
        proxy, label = self._proxy(name)
        while not proxy.cut(label):
            await asyncio.sleep(_LOOK_AGAIN)

    async def hold(self, name: str) -> None:
        """A black hole: connected, and nothing comes through."""
        proxy, label = self._proxy(name)
        await proxy.hold(self.rng.uniform(5, 15), label)

    async def outage(self, name: str) -> None:
        """A server is gone for a while."""
        assert self.servers
        async with self.alone:
            await self.servers.absent(name, self.rng.uniform(4, 10))

    async def full(self, _: str) -> None:
        """The event log may not grow; then it may again."""
        client = await nats.connect(self.stack.bundled_nats)
        jetstream = JetStream(client)
        try:
            async with self.alone:
                info = await _patiently(jetstream, f"STREAM.INFO.{STREAM}")
                config, used = info["config"], info["state"]["bytes"]
                tight = {**config, "max_bytes": used + _ROOM}
                await _patiently(jetstream, f"STREAM.UPDATE.{STREAM}", tight)
                await asyncio.sleep(self.rng.uniform(5, 10))
                await _patiently(jetstream, f"STREAM.UPDATE.{STREAM}", config)
        finally:
            await client.close()

    async def roll(self, _: str) -> None:
        """An upgrade: SIGTERM to every process in turn, the next when the last is back."""
        for name in self.stack.processes:
            pid = await self._pid(name)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            async with asyncio.timeout(_PATIENCE):
                while self.stack.pid(name) in (None, pid):
                    await asyncio.sleep(_LOOK_AGAIN)

    async def garbage(self, project: str) -> None:
        """Messages that nobody can read: in the log, in the queue, and on the bus."""
        job = f"job_{ULID()}"
        client = await nats.connect(self.stack.bundled_nats)
        try:
            jetstream = JetStream(client)
            await _published(jetstream, subjects.event(project, job), b"garbage")
            queued = await _published(
                jetstream, subjects.queue("text", "normal", project, job), b"garbage"
            )
            for subject in (
                subjects.cancel(job),
                subjects.progress(project, job),
                subjects.room("text"),
            ):
                await client.publish(subject, b"\xff{garbage")
            await asyncio.sleep(self.rng.uniform(2, 4))
            await _patiently(jetstream, "STREAM.MSG.DELETE.WORK", {"seq": queued})
        finally:
            await client.close()

    async def step(self, seconds: str) -> None:
        """The wall clock of all processes is wrong for a while."""
        assert self.clock
        async with self.alone:
            self.clock.set(int(seconds))
            await asyncio.sleep(self.rng.uniform(3, 8))
            self.clock.set(0)

    def _proxy(self, name: str) -> tuple[Proxy, str]:
        assert self.servers
        return (self.servers.s3, "") if name == "s3" else (self.servers.nats, name)

    async def _pid(self, name: str) -> int:
        while (pid := self.stack.pid(name)) is None:
            await asyncio.sleep(_LOOK_AGAIN)
        return pid


async def _patiently(
    jetstream: JetStream, name: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A call to a server that may be away itself."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await jetstream.api(name, body)
            except Unavailable:
                await asyncio.sleep(_LOOK_AGAIN)


async def _published(jetstream: JetStream, subject: str, data: bytes) -> int:
    """The sequence of a message that is stored, whatever the server does meanwhile."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await jetstream.publish(subject, data, {})
            except (Unavailable, QueueFull):
                await asyncio.sleep(_LOOK_AGAIN)
