"""Processes that wait for their turn: no act of a handler happens until the scheduler lets it."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from heliograph.contracts.errors import Unavailable
from services.render.worker.wakeups import WakeUps

_CURRENT: ContextVar["Process"] = ContextVar("process")

Afterwards = Literal["", "freeze", "unavailable"]


@dataclass(frozen=True)
class Act:
    """What a process wants to do next, and about what."""

    name: str
    about: tuple[str, ...] = ()


class Process:
    """One run of one handler, in an operating system process of its own."""

    def __init__(
        self, name: str, role: str, *, key: str = "", wakeups: WakeUps | None = None
    ) -> None:
        self.name = name
        self.role = role
        self.key = key  #: of the client's request that it answers
        self.wakeups = wakeups or WakeUps()
        self.act: Act | None = None
        self.is_frozen = False
        self.afterwards: Afterwards = ""  #: what befalls it when its act is done
        self._is_dead = False
        self._turn: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def can_step(self) -> bool:
        return self.act is not None and not self.is_frozen

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on until the first act."""

        async def as_this_process() -> None:
            _CURRENT.set(self)
            await work

        self._task = asyncio.get_running_loop().create_task(as_this_process(), name=self.name)

    def step(self, outcome: str) -> None:
        """Let the act happen."""
        self._turn_now().set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Let the act end in an error, before anything happened."""
        self._turn_now().set_exception(error)

    def crash(self) -> None:
        """Nothing happens after this, whatever the handler's `finally` blocks want."""
        assert self._task
        self._is_dead = True
        self._task.cancel()

    async def turn(self, act: Act) -> str:
        """Wait to be let. Returns how the act is to end."""
        if self._is_dead:
            raise asyncio.CancelledError
        assert self.act is None, f"{self.name} does two things at once"
        self.act = act
        self._turn = asyncio.get_running_loop().create_future()
        try:
            return await self._turn
        finally:
            self.act = None

    async def others_have_acted(self) -> None:
        """Wait until what tasks of this process want to do is done."""
        await asyncio.sleep(0)
        while self._turn and not self._turn.done():
            await asyncio.wait([self._turn])
            await asyncio.sleep(0)

    def _turn_now(self) -> asyncio.Future[str]:
        assert self._turn
        assert self.act
        self.act = None
        return self._turn


def current() -> Process:
    """Whoever runs."""
    return _CURRENT.get()


async def gate(name: str, *about: object) -> None:
    """An act that ends in one way."""
    await ask(name, *about)


async def ask(name: str, *about: object) -> str:
    """An act that may end in several ways; the scheduler says in which."""
    return await current().turn(Act(name, tuple(map(str, about))))


async def hear_back() -> None:
    """The act is done; whether its process ever hears of it is another matter."""
    process = current()
    afterwards, process.afterwards = process.afterwards, ""
    if afterwards == "freeze":
        process.is_frozen = True
        await gate("hear back")
    if afterwards == "unavailable":
        raise Unavailable("it was written, and nobody said so")
