"""What goes wrong in a storm: each sort of fault, from its beginning until it is healed."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import nats
from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError
from tests.chaos.inline_provider import InlineProvider
from tests.chaos.journal import Journal, Signal
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Servers
from tests.support.clocks import WallClock
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

Sort = Literal[
    "kill",
    "kill_in_flight",
    "freeze",
    "restart_in_flight",
    "roll",
    "cut",
    "hold",
    "outage",
    "full",
    "garbage",
    "clock",
]

_LOOK_AGAIN = 0.05  #: seconds
_NO_SUCH_MESSAGE = 10043  #: err_code of JetStream
_ROOM = 64 * 1024  #: bytes that a full log still takes
_LEFT_ALONE = 2.0  #: seconds after a restart; else a kill would be all that is seen of it
_ASK_AGAIN = 15.0  #: seconds for a request to be at the provider; others break things meanwhile
_ASKED = 6  #: times that one is asked for


class Fault(NamedTuple):
    """Something to go wrong."""

    sort: Sort
    target: str  #: a process, the service whose connections they are, or a server

    def __str__(self) -> str:
        return f"{self.sort} {self.target}"


@dataclass(frozen=True)
class InFlight:
    """Responses in flight that nobody can ask for later."""

    provider: InlineProvider
    ask: Callable[[], Awaitable[None]]  #: for one more

    async def wait(self) -> None:
        """Until there is one."""
        for _ in range(_ASKED):
            await self.ask()
            with suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN):
                    while not await self.provider.has_in_flight():
                        await asyncio.sleep(_LOOK_AGAIN)
                    return
        raise AssertionError("no answer was ever in flight")


@dataclass(frozen=True)
class Breaker:
    """
    Breaks things, and notes in `journal` which process was hit when.

    `servers` are needed for what happens between processes, `in_flight` for what happens to answers.
    """

    stack: Stack
    rng: random.Random
    journal: Journal
    servers: Servers | None = None
    clock: WallClock | None = None  #: of the processes
    in_flight: InFlight | None = None
    restarting: set[str] = field(default_factory=set)  #: processes that are left alone
    #: two outages, restarts, or changes of one stream, at once would heal each other wrongly
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def break_(self, fault: Fault) -> None:
        """Until it is healed; what died is on its way back then."""
        how: dict[Sort, Callable[[str], Awaitable[None]]] = {
            "kill": self.kill,
            "kill_in_flight": self.kill_in_flight,
            "freeze": self.freeze,
            "restart_in_flight": self.restart_in_flight,
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
        began = time.time()
        while name in self.restarting or not self.stack.kill(name):
            await asyncio.sleep(_LOOK_AGAIN)
            began = time.time()
        self._note(name, "kill", began)

    async def kill_in_flight(self, name: str) -> None:
        """`kill -9` while responses are in flight."""
        assert self.in_flight
        await self.in_flight.wait()
        await self.kill(name)

    async def restart_in_flight(self, name: str) -> None:
        """SIGTERM while responses are in flight: they are waited for."""
        assert self.in_flight
        async with self.alone:
            await self._pid(name)
            await self.in_flight.wait()
            await self._restart(name)

    async def freeze(self, name: str) -> None:
        """SIGSTOP for longer than anybody waits for it, then SIGCONT: a zombie wakes."""
        pid = await self._pid(name)
        began = time.time()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self.rng.uniform(4, 20))
            finally:
                os.kill(pid, signal.SIGCONT)
        self._note(name, "freeze", began)

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
            await self._restart(name)

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
                subjects.record_changed(job),
                subjects.progress(project, job),
                subjects.lane_capacity("text"),
            ):
                await client.publish(subject, b"\xff{garbage")
            await asyncio.sleep(self.rng.uniform(2, 4))
            await _delete_work(jetstream, queued)
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
        """Of a process that is not restarting."""
        while name in self.restarting or (pid := self.stack.pid(name)) is None:
            await asyncio.sleep(_LOOK_AGAIN)
        return pid

    async def _restart(self, name: str) -> None:
        pid = await self._pid(name)
        began = time.time()
        self.restarting.add(name)
        try:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                while self.stack.pid(name) in (None, pid):
                    await asyncio.sleep(_LOOK_AGAIN)
            self._note(name, "restart", began)
            await asyncio.sleep(_LEFT_ALONE)
        finally:
            self.restarting.discard(name)

    def _note(self, process: str, sort: Literal["kill", "freeze", "restart"], began: float) -> None:
        self.journal.signals.append(Signal(process, sort, began, time.time()))


async def _patiently(
    jetstream: JetStream, name: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A call to a server that may be away itself."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return await jetstream.api(name, body)
            except Unavailable:
                await asyncio.sleep(_LOOK_AGAIN)


async def _delete_work(jetstream: JetStream, sequence: int) -> None:
    """Take a message off the queue. It may be gone: the reply to a first try was lost."""
    try:
        await _patiently(jetstream, "STREAM.MSG.DELETE.WORK", {"seq": sequence})
    except ApiError as error:
        if error.err_code != _NO_SUCH_MESSAGE:
            raise


async def _published(jetstream: JetStream, subject: str, data: bytes) -> int:
    """The sequence of a message that is stored, whatever the server does meanwhile."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return await jetstream.publish(subject, data, {})
            except (Unavailable, QueueFull):
                await asyncio.sleep(_LOOK_AGAIN)
