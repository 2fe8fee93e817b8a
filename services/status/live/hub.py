"""
Fan-out: every event is rendered once, and sent in order to each subscribed client.

One consumer per process fills a buffer of recent events (`EventBuffer`). `_broadcast_all` hands each
to the clients that are live. A client that joins reads what it missed from the log and from the buffer,
and becomes live once nothing is missing between the two: no gap, and nothing twice.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import structlog
from cachetools import LRUCache
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.budgets.messages import ThresholdReached
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.job_steps import FINAL
from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.records import Record
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.ordered_consumer import OrderedConsumer
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.job_view import JobPresenter, as_json
from services.status.live.event_buffer import EventBuffer
from services.status.live.event_frames import Frame, frame_of
from services.status.live.metrics import EVENTS
from services.status.live.missed_events import MissedEvents

log = structlog.get_logger()

_REPORTS_KEPT = 50_000
_SHOWN_FOR = 1 / 3  #: of the life of an address; in a new text it has half of that left, or more
_RENDER_RETRY_DELAY = 1.0  #: seconds, where storage did not give all addresses in time
_FINAL_TYPES = frozenset(event_type(step) for step in FINAL)


class Listener(Protocol):
    """A live client. Neither call may block: a slow client is disconnected."""

    jobs: frozenset[str] | None  #: None: all of the project

    def on_event(self, frame: Frame) -> None: ...

    def on_progress(self, report: ProgressReport) -> None: ...

    def on_threshold(self, reached: ThresholdReached) -> None: ...


class Hub:
    """The events of this process. `buffer_bytes` of them are kept in memory."""

    def __init__(self, bus: NatsBus, presenter: JobPresenter, *, buffer_bytes: int) -> None:
        self._bus = bus
        self._presenter = presenter
        self.missed = MissedEvents(bus)
        self._buffer = EventBuffer(buffer_bytes)
        self._incoming: asyncio.Queue[Frame] = asyncio.Queue()
        self._live: dict[str, set[Listener]] = {}
        self._reports: LRUCache[str, ProgressReport] = LRUCache(_REPORTS_KEPT)
        self._moved = asyncio.Condition()
        self._broadcast_to = 0  #: every event up to here was handed to the live clients
        self._thresholds = 0  #: sequence of the last threshold sent to clients
        self.head = 0  #: sequence of the last event received
        self.opened = asyncio.Event()

    @property
    def epoch(self) -> str:
        return self._bus.epoch

    async def run(self) -> None:
        """Receive and broadcast events, for ever."""
        await self._bus.opened.wait()
        if not self.opened.is_set():
            await self._open()
        jetstream, on_message = self._bus.jetstream, self._on_event
        consumer = OrderedConsumer(
            jetstream, STREAM, subjects.EVENTS, after=self.head, on_message=on_message
        )
        thresholds = OrderedConsumer(
            jetstream,
            STREAM,
            subjects.BUDGETS,
            after=self._thresholds,
            on_message=self._on_threshold,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consumer.run())
            tasks.create_task(thresholds.run())
            tasks.create_task(self._broadcast_all())

    async def _open(self) -> None:
        begin, frames, self.head = await self.missed.latest(self._buffer.limit)
        self._buffer = EventBuffer(self._buffer.limit, floor=begin)
        for frame in frames:
            self._buffer.add(frame)
        self._broadcast_to = self.head
        threshold = await self._bus.jetstream.last(STREAM, subjects.BUDGETS)
        self._thresholds = threshold.sequence if threshold else 0
        on_message = self._bus.jetstream.dead_letters.guarded_callback(self._on_progress)
        await self._bus.client.subscribe(subjects.PROGRESS, cb=on_message)
        self.opened.set()

    # -- events

    async def _on_event(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence <= self.head:
            return
        frame = frame_of(sequence, message.subject, message.headers or {}, message.data)
        self._buffer.add(frame)
        self.head = sequence
        EVENTS.inc()
        if frame.type in _FINAL_TYPES:
            self._reports.pop(frame.job, None)
        if frame.project in self._live:
            self._ensure_rendered(frame)
        self._incoming.put_nowait(frame)
        async with self._moved:
            self._moved.notify_all()

    async def _broadcast_all(self) -> None:
        while True:
            await self._broadcast(await self._incoming.get())

    async def _broadcast(self, frame: Frame) -> None:
        if frame.project in self._live:
            await self.render(frame)
        for listener in list(self._live.get(frame.project, ())):
            if listener.jobs is None or frame.job in listener.jobs:
                listener.on_event(frame)
        self._broadcast_to = frame.sequence

    async def render(self, frame: Frame) -> None:
        """Make sure that the frame has a `text`, with addresses that still work for a while."""
        if not self.render_now(frame) and frame.showing:
            # shared by other waiters: a client that disconnects must not cancel it
            await asyncio.shield(frame.showing)

    def render_now(self, frame: Frame) -> bool:
        """Render the frame, unless it has a `text`. False: that waits for addresses from storage."""
        if frame.showing is None and asyncio.get_running_loop().time() > frame.expires_at:
            self._ensure_rendered(frame)
        return frame.showing is None

    def _ensure_rendered(self, frame: Frame) -> None:
        """Render the frame at once, unless URLs have to be signed first."""
        with self._skipping(frame):
            self._render_cached(frame)

    def _render_cached(self, frame: Frame) -> None:
        body = self._bus.events.body(frame.stored())
        if not isinstance(body, Record):
            frame.expires_at = float("inf")
        elif job := self._presenter.cached(body, frame.sequence):
            self._render(frame, body, job)
        else:
            frame.showing = asyncio.create_task(self._ask(frame, body))

    async def _ask(self, frame: Frame, record: Record) -> None:
        with self._skipping(frame):
            self._render(frame, record, await self._presenter.job(record, frame.sequence))
        frame.showing = None

    @contextmanager
    def _skipping(self, frame: Frame) -> Iterator[None]:
        """Log and skip an event that cannot be rendered: it must not delay the others."""
        try:
            yield
        except Exception as error:
            log.exception("Live frame not written", sequence=frame.sequence)
            self._bus.events.note(frame.stored(), f"{type(error).__name__} while it was shown")
            frame.text, frame.expires_at = "", float("inf")

    def _render(self, frame: Frame, record: Record, job: dict[str, Any]) -> None:
        is_whole = self._presenter.has_urls(record)
        seconds = self._presenter.url_ttl * _SHOWN_FOR if is_whole else _RENDER_RETRY_DELAY
        frame.text = as_json(job).decode()
        frame.expires_at = asyncio.get_running_loop().time() + seconds

    def buffered_after(self, after: int, most: int) -> list[Stored]:
        """
        The first messages of the log after a sequence, `most` of them at most, from the buffer;
        none if the buffer lacks one of them.
        """
        if after < self.floor:
            return []
        return [frame.stored() for frame in islice(self._buffer.after(after), most)]

    async def wait_beyond(self, sequence: int, *, seconds: float = 1.0) -> None:
        """Wait for an event after `sequence`, or the timeout."""
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self.head > sequence)
        except TimeoutError:
            return

    # -- progress

    async def _on_progress(self, message: Msg) -> None:
        project, job = subjects.parse(message.subject)
        report = ProgressReport.model_validate_json(message.data)
        self._reports[job] = report
        for listener in self._live.get(project, ()):
            if listener.jobs is None or job in listener.jobs:
                listener.on_progress(report)

    def report(self, job: str) -> ProgressReport | None:
        """The last progress report of a job."""
        return self._reports.get(job)

    # -- budgets

    async def _on_threshold(self, message: Msg) -> None:
        self._thresholds = message.metadata.sequence.stream
        try:
            reached = ThresholdReached.model_validate_json(message.data)
        except ValueError as error:
            log.warning("Budget threshold not readable", reason=str(error))
            return
        for listener in list(self._live.get(reached.project, ())):
            listener.on_threshold(reached)

    # -- joining

    @property
    def floor(self) -> int:
        """Every event after this sequence is in memory."""
        return self._buffer.floor

    def recent(self, project: str, jobs: frozenset[str] | None, after: int) -> list[Frame]:
        """
        Broadcast events after a sequence not below `floor`. When it is nothing, a listener that joins
        before it awaits anything misses nothing.
        """
        return [
            frame
            for frame in self._buffer.after(after)
            if frame.sequence <= self._broadcast_to
            and frame.project == project
            and (jobs is None or frame.job in jobs)
        ]

    async def count(self, project: str, jobs: frozenset[str] | None, after: int) -> int:
        """Number of events after a sequence."""
        if after >= self.floor:
            return len(self.recent(project, jobs, after))
        return await self.missed.count(project, jobs, after)

    async def cursor(self) -> int:
        """Sequence of the last event received; a coroutine, as `Standstill` compares such."""
        return self.head

    def join(self, project: str, listener: Listener) -> None:
        """Add a listener: it gets every event that is broadcast from now on."""
        self._live.setdefault(project, set()).add(listener)

    def leave(self, project: str, listener: Listener) -> None:
        listeners = self._live.get(project, set())
        listeners.discard(listener)
        if not listeners:
            self._live.pop(project, None)
