"""
Dependency tracker: queued jobs that wait for other jobs to end.

Ends of jobs are notified from the log as it is written; what counts is the last event there.
A slow periodic check of all of them makes up for lost notifications.
"""

import asyncio
from collections.abc import Callable

import structlog
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.errors import ServiceError, Unreadable
from heliograph.contracts.job_steps import FINAL, Step
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.ordered_consumer import OrderedConsumer
from services.render.dependency_failures import fail_if_dependency_failed

log = structlog.get_logger()

_FINAL_TYPES = frozenset(event_type(step) for step in FINAL)
_READERS = 8
_APART = 0.02  #: seconds between two of these


class DependencyTracker:
    """
    Tracks for which jobs the queued jobs wait, while it runs.

    Args:
        on_dependencies_met: Called with a job when all that it waited for has succeeded.
        forget: Called with a job that ended, because one of them has not.
        look_again: Seconds between checks of all waiting jobs.
    """

    def __init__(
        self,
        bus: NatsBus,
        *,
        on_dependencies_met: Callable[[str], None],
        forget: Callable[[str], None],
        look_again: float = 10.0,
    ) -> None:
        self._bus = bus
        self._look_again_after = look_again
        self._on_dependencies_met = on_dependencies_met
        self._forget = forget
        self._tickets: dict[str, Ticket] = {}
        self._left: dict[str, dict[str, None]] = {}  #: job -> its open dependencies, in order
        self._waiting: dict[str, set[str]] = {}  #: dependency -> jobs that wait for it
        self._unread: asyncio.Queue[str] = asyncio.Queue()
        self._subscribed: dict[
            str, asyncio.Task[None]
        ] = {}  #: projects whose events are subscribed to
        self._subscribing = asyncio.Lock()

    async def run(self) -> None:
        """Follow the ends of jobs and check waiting jobs at an interval. Runs until canceled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_READERS):
                tasks.create_task(self._read(tasks))
            tasks.create_task(self._look_again())

    def add(self, ticket: Ticket) -> None:
        """Add a waiting job. Idempotent."""
        if ticket.job in self._tickets:
            return
        self._tickets[ticket.job] = ticket
        self._left[ticket.job] = dict.fromkeys(ticket.after)
        for other in self._left[ticket.job]:
            if other not in self._waiting:  # else it is checked, or subscribed to, already
                self._unread.put_nowait(other)
            self._waiting.setdefault(other, set()).add(ticket.job)

    def remove(self, job: str) -> None:
        """A job waits no more."""
        self._tickets.pop(job, None)
        for other in self._left.pop(job, {}):
            self._arrived(job, other)

    def pending(self, job: str) -> list[str]:
        """The dependencies that have not ended."""
        return list(self._left.get(job, ()))

    def _arrived(self, job: str, other: str) -> None:
        jobs = self._waiting.get(other, set())
        jobs.discard(job)
        if not jobs:
            self._waiting.pop(other, None)

    # -- what the log says

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            other = await self._unread.get()
            jobs = self._waiting.get(other)
            if not jobs:
                continue
            project = self._tickets[min(jobs)].project
            try:
                await self._subscribe(project, tasks)
                await self._resolve(other)
            except ServiceError as error:
                log.warning("Dependency check postponed", job=other, reason=str(error))

    async def _resolve(self, other: str) -> None:
        """Resolve the jobs that wait for a job, if it has ended."""
        entry = await self._bus.events.job(other)
        if entry is None or not entry.record.step.is_final:
            return
        has_succeeded = entry.record.step is Step.SUCCEEDED
        while jobs := sorted(self._waiting.get(other, ())):
            for job in jobs:
                if has_succeeded:
                    self._succeeded(job, other)
                elif not await self._has_ended(job):
                    return

    def _succeeded(self, job: str, other: str) -> None:
        left = self._left.get(job)
        self._arrived(job, other)
        if left is None:
            return
        left.pop(other, None)
        if not left:
            self.remove(job)
            self._on_dependencies_met(job)

    async def _has_ended(self, job: str) -> bool:
        """Fail a job whose dependency failed. False if its dependencies may still succeed."""
        try:
            if not await fail_if_dependency_failed(self._bus.events, self._bus.work, job):
                return False
        except Unreadable:  # it has no turn until it can be read, and delays no other job
            self.remove(job)
            return True
        if job in self._tickets:  # two may have looked at the same time
            self.remove(job)
            self._forget(job)
        return True

    # -- notifications

    async def _subscribe(self, project: str, tasks: asyncio.TaskGroup) -> None:
        """Subscribe to the ends of a project's jobs; earlier ends are in the log."""
        async with self._subscribing:
            if project in self._subscribed:
                return
            jetstream, subject = self._bus.jetstream, subjects.event(project, "*")
            newest = await jetstream.last(STREAM, subject)
            after = newest.sequence if newest else 0
            consumer = OrderedConsumer(
                jetstream, STREAM, subject, after=after, on_message=self._on_event
            )
            self._subscribed[project] = tasks.create_task(consumer.run())

    async def _on_event(self, message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        if job in self._waiting and (message.headers or {}).get("ce-type") in _FINAL_TYPES:
            self._unread.put_nowait(job)

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(self._look_again_after)
            for other in list(self._waiting):
                self._unread.put_nowait(other)
                await asyncio.sleep(_APART)
            await self._unsubscribe_unneeded()

    async def _unsubscribe_unneeded(self) -> None:
        """Projects without waiting jobs."""
        async with self._subscribing:
            needed = {ticket.project for ticket in self._tickets.values()}
            for project in self._subscribed.keys() - needed:
                self._subscribed.pop(project).cancel()
