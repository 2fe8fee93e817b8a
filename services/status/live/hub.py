"""
Fan-out: every event is rendered once, and sent in order to each subscribed client.

One feed per process fills a ring of recent events. The pump hands each to the clients
that are live. A client that joins reads what it missed from the log and from the ring, and becomes
live in the moment in which nothing is left between the two: no gap, and nothing twice.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Protocol

import structlog
from cachetools import LRUCache
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.errors import Unreadable
from heliograph.contracts.job_steps import FINAL
from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.records import Record
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.ordered_consumer import OrderedConsumer
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.job_view import JobPresenter, as_json

log = structlog.get_logger()

_REPLAY_BYTES = 4 * 2**20  #: of the log, read at once for one client
_HISTORY_BYTES = 64 * 1024  #: of each job, where a client follows named ones
_REPORTS_KEPT = 50_000
_SHOWN_FOR = 1 / 3  #: of the life of an address; in a new text it has half of that left, or more
_RENDER_RETRY_DELAY = 1.0  #: seconds, where storage did not give all addresses in time
_FINAL_TYPES = frozenset(event_type(step) for step in FINAL)


@dataclass(eq=False)
class Frame:
    """One event, and its rendered frame once a client needs it."""

    sequence: int
    type: str
    project: str
    job: str
    data: bytes
    size: int  #: bytes that it takes in the log
    showing: asyncio.Task[None] | None = None
    text: str = ""  #: the job as JSON; empty for what is no job
    expires_at: float = float("-inf")  #: by the clock of the loop; then it has to be made anew

    def stored(self) -> Stored:
        """The message in the log, as far as it matters to readers."""
        subject = subjects.event(self.project, self.job)
        return Stored(subject, self.sequence, {"ce-type": self.type}, self.data, self.size)


class Listener(Protocol):
    """A live client. Neither call may block: a slow client is disconnected."""

    jobs: frozenset[str] | None  #: None: all of the project

    def on_event(self, frame: Frame) -> None: ...

    def on_progress(self, report: ProgressReport) -> None: ...


@dataclass
class _Ring:
    """Recent events, bounded by their size."""

    limit: int  #: bytes
    floor: int = 0  #: everything after this sequence is in the ring
    frames: deque[Frame] = field(default_factory=deque)
    size: int = 0

    def add(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.size += len(frame.data)
        while self.size > self.limit and len(self.frames) > 1:
            oldest = self.frames.popleft()
            self.size -= len(oldest.data)
            self.floor = oldest.sequence

    def after(self, sequence: int) -> Iterable[Frame]:
        """Frames after a sequence, oldest first."""
        newer: deque[Frame] = deque()
        for frame in reversed(self.frames):
            if frame.sequence <= sequence:
                break
            newer.appendleft(frame)
        return newer


class Hub:
    """The events of this process. `buffer_bytes` of them are kept in memory."""

    def __init__(self, bus: NatsBus, presenter: JobPresenter, *, buffer_bytes: int) -> None:
        self._bus = bus
        self._presenter = presenter
        self._purges = Purges(bus.jetstream)
        self._ring = _Ring(buffer_bytes)
        self._incoming: asyncio.Queue[Frame] = asyncio.Queue()
        self._live: dict[str, set[Listener]] = {}
        self._reports: LRUCache[str, ProgressReport] = LRUCache(_REPORTS_KEPT)
        self._moved = asyncio.Condition()
        self._pumped = 0  #: every event up to here was handed to the live clients
        self.head = 0  #: sequence of the last event received
        self.opened = asyncio.Event()

    @property
    def epoch(self) -> str:
        return self._bus.epoch

    async def run(self) -> None:
        """Listen, and pump, for ever."""
        await self._bus.opened.wait()
        if not self.opened.is_set():
            await self._open()
        jetstream, hear = self._bus.jetstream, self._on_event
        consumer = OrderedConsumer(jetstream, STREAM, subjects.EVENTS, after=self.head, hear=hear)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consumer.run())
            tasks.create_task(self._broadcast_all())

    async def _open(self) -> None:
        self.head = self._pumped = self._ring.floor = await self.last_sequence()
        hear = self._bus.jetstream.dead_letters.hearing(self._on_progress)
        await self._bus.client.subscribe(subjects.PROGRESS, cb=hear)
        self.opened.set()

    # -- events

    async def _on_event(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence <= self.head:
            return
        frame = _frame(sequence, message.subject, message.headers or {}, message.data)
        self._ring.add(frame)
        self.head = sequence
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
        self._pumped = frame.sequence

    async def render(self, frame: Frame) -> None:
        """Make sure that the frame has a `text`, with addresses that still work for a while."""
        if frame.showing is None and asyncio.get_running_loop().time() > frame.expires_at:
            self._ensure_rendered(frame)
        if frame.showing:
            # shared by other waiters: a client that disconnects must not cancel it
            await asyncio.shield(frame.showing)

    def _ensure_rendered(self, frame: Frame) -> None:
        """Immediate, unless URLs have to be signed."""
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
        """An event that cannot be rendered must not delay the others."""
        try:
            yield
        except Exception as error:
            log.exception("Event not rendered", sequence=frame.sequence)
            self._bus.events.note(frame.stored(), f"{type(error).__name__} while it was shown")
            frame.text, frame.expires_at = "", float("inf")

    def _render(self, frame: Frame, record: Record, job: dict[str, Any]) -> None:
        is_whole = self._presenter.has_urls(record)
        seconds = self._presenter.url_ttl * _SHOWN_FOR if is_whole else _RENDER_RETRY_DELAY
        frame.text = as_json(job).decode()
        frame.expires_at = asyncio.get_running_loop().time() + seconds

    def heard(self, after: int, most: int) -> list[Stored]:
        """
        The first messages of the log after a sequence, at most so many, from memory;
        none when memory does not hold all of them.
        """
        if after < self.floor:
            return []
        return [frame.stored() for frame in islice(self._ring.after(after), most)]

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

    # -- joining

    @property
    def floor(self) -> int:
        """Every event after this sequence is in memory."""
        return self._ring.floor

    def recent(self, project: str, jobs: frozenset[str] | None, after: int) -> list[Frame]:
        """
        Broadcast events after a sequence not below `floor`. When it is nothing, a listener that joins
        before it awaits anything misses nothing.
        """
        return [
            frame
            for frame in self._ring.after(after)
            if frame.sequence <= self._pumped
            and frame.project == project
            and (jobs is None or frame.job in jobs)
        ]

    async def logged(
        self, project: str, jobs: frozenset[str] | None, after: int, floor: int
    ) -> tuple[list[Frame], int]:
        """
        The next events after a sequence from the log, the oldest first, and how many more there are,
        at least. Of named jobs only those up to `floor`: the ring had the others when the log was
        asked.
        """
        if jobs is None:
            batch = self._bus.jetstream.read_batch
            subject = subjects.event(project, "*")
            messages, more = await batch(STREAM, subject, after + 1, most=_REPLAY_BYTES)
            return [_logged(message) for message in messages], more
        parts = [await self._history(project, job, after) for job in sorted(jobs)]
        # only so far is it certain that no history was read before its last event was stored, and
        # only so far is each of them here
        horizon = min([floor, *(frames[-1].sequence for frames, more in parts if more)])
        frames = [each for frames, _ in parts for each in frames if each.sequence <= horizon]
        return sorted(frames, key=lambda frame: frame.sequence), int(horizon < floor)

    async def _history(self, project: str, job: str, after: int) -> tuple[list[Frame], int]:
        """The next events of a job, a few, and how many more there are."""
        subject = subjects.event(project, job)
        messages, more = await self._bus.jetstream.read_batch(
            STREAM, subject, after + 1, most=_HISTORY_BYTES
        )
        return [_logged(message) for message in messages], more

    async def count(self, project: str, jobs: frozenset[str] | None, after: int) -> int:
        """Number of events after a sequence."""
        if after >= self.floor:
            return len(self.recent(project, jobs, after))
        read = partial(self._bus.jetstream.read_batch, STREAM, size=1)
        count = 0
        for job in sorted(jobs) if jobs else ["*"]:
            messages, more = await read(subjects.event(project, job), after + 1)
            count += len(messages) + more
        return count

    async def cursor(self) -> int:
        """Of the last event received."""
        return self.head

    async def is_purged(self, project: str, jobs: frozenset[str] | None, after: int) -> bool:
        """Whether events after a sequence may have been removed from the log since."""
        if after >= await self._purges.newest(project):
            return False
        if jobs is None:
            return True
        return any([await self._is_cut(project, job, after) for job in sorted(jobs)])

    async def _is_cut(self, project: str, job: str, after: int) -> bool:
        subject = subjects.event(project, job)
        first = await self._bus.jetstream.next(STREAM, subject, 1)
        if first is None or first.sequence <= after:
            return False
        return int(first.headers["ce-sequence"]) > 1

    async def last_sequence(self) -> int:
        """Of the log itself, which this process may be behind."""
        info = await self._bus.jetstream.api(f"STREAM.INFO.{STREAM}")
        return int(info["state"]["last_seq"])

    async def has_job(self, project: str, job: str) -> bool:
        """Whether the log has a job of the project by that name. Raises Unavailable."""
        try:
            entry = await self._bus.events.job(job)
        except Unreadable:  # it is there; what can be read of it is shown
            return True
        return entry is not None and entry.record.project == project

    def join(self, project: str, listener: Listener) -> None:
        """Add a listener: it gets every event that is broadcast from now on."""
        self._live.setdefault(project, set()).add(listener)

    def leave(self, project: str, listener: Listener) -> None:
        listeners = self._live.get(project, set())
        listeners.discard(listener)
        if not listeners:
            self._live.pop(project, None)


def _frame(sequence: int, subject: str, headers: dict[str, str], data: bytes) -> Frame:
    project, job = subjects.parse(subject)
    size = Stored(subject, sequence, headers, data).size
    return Frame(sequence, headers.get("ce-type", ""), project, job, data, size)


def _logged(message: Stored) -> Frame:
    return _frame(message.sequence, message.subject, message.headers, message.data)
