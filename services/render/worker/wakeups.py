"""Per-job wake-ups for polling workers: the record changed (NATS hint), or the process shuts down."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.runtime.bus.delivery import ShuttingDown


class WakeUps:
    """Hints about jobs that this process works on. A lost hint only costs time."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._draining = False

    async def listen(self, client: Client) -> None:
        """Subscribe to hints of other processes."""
        await client.subscribe(subjects.RECORD_CHANGED, cb=self._on_hint)

    async def _on_hint(self, message: Msg) -> None:
        self.notify(message.subject.rsplit(".", 1)[1])

    def notify(self, job: str) -> None:
        """A job's record changed."""
        wakeup = self._events.get(job)
        if wakeup:
            wakeup.set()

    def drain(self) -> None:
        """The process is shutting down: hand over everything that another one can continue."""
        self._draining = True
        for wakeup in self._events.values():
            wakeup.set()

    @contextmanager
    def wakeup(self, job: str) -> Iterator["WakeUp"]:
        """Event that is set when the job's record changes, or the process drains."""
        event = self._events.setdefault(job, asyncio.Event())
        try:
            yield WakeUp(self, event)
        finally:
            self._events.pop(job, None)

    def check(self) -> None:
        """Raises ShuttingDown once the process is shutting down."""
        if self._draining:
            raise ShuttingDown


class WakeUp:
    """Wake-up of one worker."""

    def __init__(self, wakeups: WakeUps, event: asyncio.Event) -> None:
        self._wakeups = wakeups
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """
        Wait; True if a wakeup came before the timeout.

        Raises:
            ShuttingDown: The process is shutting down.
        """
        self._wakeups.check()
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        self._wakeups.check()
        return True
