"""Subscription of a live client: snapshot or missed events first, then every new event."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from heliograph.contracts.errors import NotFound, ServiceError, Unavailable
from heliograph.contracts.live_frames import Cursor, Subscribe
from heliograph.contracts.progress import ProgressReport
from heliograph.runtime.clock import now
from heliograph.runtime.job_view import JobPresenter, as_json, with_progress
from services.status.live.event_buffer import Frame
from services.status.live.hub import Hub
from services.status.live.replay_turns import ReplayTurns
from services.status.live.send_queue import SendQueue
from services.status.read_model import ReadModel
from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotPage, SnapshotQuery

PAGE = 100  #: jobs in a snapshot frame, at most
PAGE_BYTES = 512 * 1024  #: of records in a snapshot frame; one job may be larger
_CATCH_UP_TIMEOUT = 5.0  #: seconds a hub has to hear of a sequence that the log has
_RETRY_DELAY = 0.25  #: seconds
_FIRST_PAGE_TRIES = 5
_PART = 0.005  #: seconds of one turn of a replay

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms of a subscription: limits and timeouts."""

    replay_limit: int  #: missed events that are sent again; with more, the client starts over
    final_for: timedelta  #: final jobs are in a snapshot for so long
    timeout: float  #: seconds that the read model and the bus have to answer, each time
    #: pages of snapshots, and parts of replays, that are made at once in this process
    turns: ReplayTurns = field(default_factory=lambda: ReplayTurns(4))


class Subscription:
    """Events of a project, or of some of its jobs."""

    def __init__(
        self,
        request: Subscribe,
        hub: Hub,
        read_model: ReadModel,
        presenter: JobPresenter,
        send_queue: SendQueue,
        terms: Terms,
    ) -> None:
        self.jobs = frozenset(request.jobs) if request.jobs else None
        self._request = request
        self.project = request.project
        self._hub = hub
        self._read_model = read_model
        self._presenter = presenter
        self._send_queue = send_queue
        self._terms = terms
        self._number = terms.turns.number()
        self._last = 0  #: sequence of the last event this client has
        self._newer: dict[str, int] = {}  #: of jobs that a snapshot shows later than it is of

    async def run(self) -> None:
        """
        Bring the client up to date, and join the live ones.

        Raises:
            NotFound: The project has no job by one of the names.
            Unavailable: The read model or the bus did not answer in time; come back later.
        """
        await self._with_timeout(self._hub_opened)
        await self._with_timeout(self.check_jobs)
        after = self._request.after
        missed = await self._with_timeout(partial(self._missed, after)) if after else None
        await self._confirm(missed)
        if after is not None and missed is not None:
            self._last = after.sequence
        else:
            await self._send_snapshot()
        await self._catch_up()

    @property
    def epoch(self) -> str:
        """Of the stream that sequences are of."""
        return self._hub.epoch

    def stop(self) -> None:
        """Hear no more."""
        self._hub.leave(self.project, self)

    async def check_jobs(self) -> None:
        """
        Raises:
            NotFound: The project has no job by one of the names.
            Unavailable: Whether it has them cannot be said right now.
        """
        named = sorted(self.jobs or ())
        known: set[str] = set()
        with suppress(ServiceError):  # the log knows as well
            known = await self._read_model.known(self.project, named) if named else known
        for job in named:
            if job not in known and not await self._hub.missed.has_job(self.project, job):
                raise NotFound(f"the project has no job {job}")

    async def _hub_opened(self) -> None:
        try:
            async with asyncio.timeout(self._terms.timeout):
                await self._hub.opened.wait()
        except TimeoutError:
            raise Unavailable("not listening yet") from None

    async def _with_timeout(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The reply, requested again for a while when there is none."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._terms.timeout
        while True:
            try:
                return await ask()
            except ServiceError:
                if clock() >= end:
                    raise
            await asyncio.sleep(_RETRY_DELAY)

    async def _confirm(self, missed: int | None) -> None:
        after = self._request.after
        recovered = missed is not None
        head = max(self._hub.head, after.sequence if after and recovered else 0)
        facts = {"epoch": self._hub.epoch, "head": head, "recovered": recovered, "missed": missed}
        await self._send("subscribed", **facts)

    async def _missed(self, after: Cursor) -> int | None:
        """Number of events after a cursor; None: it cannot be resumed from there."""
        if after.epoch != self._hub.epoch:
            return None
        if after.sequence > self._hub.head:
            if after.sequence > await self._hub.missed.last_sequence():
                return None
            await self._hub.wait_beyond(after.sequence - 1, seconds=_CATCH_UP_TIMEOUT)
        if await self._hub.missed.is_purged(self.project, self.jobs, after.sequence):
            return None
        count = await self._hub.count(self.project, self.jobs, after.sequence)
        is_limited = self.jobs is None  # named jobs have few events each, and are read one by one
        return None if is_limited and count > self._terms.replay_limit else count

    # -- snapshots

    async def _send_snapshot(self) -> None:
        """
        Jobs page by page, as of a sequence taken before the first page; the events after it follow.

        A page may show a job later than that: events that it has in it are left out.
        """
        query = SnapshotQuery(
            project=self.project,
            jobs=tuple(sorted(self.jobs)) if self.jobs else None,
            final_since=now() - self._terms.final_for,
        )
        page = await self._show_page(partial(self._first_page, query))
        while page.next:
            page = await self._show_page(partial(self._page, query, page.next))

    async def _show_page(self, read: Callable[[], Awaitable[SnapshotPage]]) -> SnapshotPage:
        await self._send_queue.until_room()
        async with self._terms.turns.turn(self._number):
            page = await read()
            self._newer |= self._newer_in(page)
            shown = await self._presenter.jobs([(r.record, r.sequence) for r in page.rows])
            jobs = [with_progress(job, self._hub.report(job["id"])) for job in shown]
            content = {"sequence": self._last, "jobs": jobs, "more": page.next is not None}
            self._send_queue.put(self._frame("snapshot", **content))
        return page

    async def _first_page(self, query: SnapshotQuery) -> SnapshotPage:
        """Read again while it shows more than its sequence: most snapshots have no other page."""
        for _ in range(_FIRST_PAGE_TRIES):
            self._last = await self._with_timeout(partial(self._read_model.head, self._hub.epoch))
            page = await self._page(query, None)
            if not self._newer_in(page):
                break
        return page

    async def _page(self, query: SnapshotQuery, after: SnapshotCursor | None) -> SnapshotPage:
        ask = partial(self._read_model.snapshot, query, after, limit=PAGE, room=PAGE_BYTES)
        return await self._with_timeout(ask)

    def _newer_in(self, page: SnapshotPage) -> dict[str, int]:
        return {row.record.id: row.sequence for row in page.rows if row.sequence > self._last}

    def _is_shown(self, frame: Frame) -> bool:
        """Whether the snapshot has this event in it."""
        return self._newer.get(frame.job, 0) >= frame.sequence

    # -- replays

    async def _catch_up(self) -> None:
        while True:
            floor = through = self._hub.floor
            if self._last < floor:
                frames, through = await self._with_timeout(partial(self._logged, floor))
            else:
                await self._send_queue.until_room()
                frames = self._hub.recent(self.project, self.jobs, self._last)
                if not frames:
                    self._join()
                    return
            await self._replay(deque(frames))
            self._last = max(self._last, through)

    def _join(self) -> None:
        """Become live, and say so before any event that happens now."""
        self._hub.join(self.project, self)
        self._send_queue.put(self._frame("caught_up", sequence=self._last))

    async def _logged(self, floor: int) -> tuple[list[Frame], int]:
        async with self._terms.turns.turn(self._number):
            return await self._hub.missed.after(self.project, self.jobs, self._last, floor)

    async def _replay(self, frames: deque[Frame]) -> None:
        """Send missed events, a few at a time: other clients, and what happens now, go on meanwhile."""
        while frames:
            await self._send_queue.until_room()
            await self._hub.render(frames[0])  # a turn never waits for addresses
            async with self._terms.turns.turn(self._number):
                self._send_part(frames)
                await asyncio.sleep(0)

    def _send_part(self, frames: deque[Frame]) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + _PART
        while frames and self._send_queue.has_room and clock() < end:
            if not self._hub.is_rendered(frames[0]):
                return
            frame = frames.popleft()
            if frame.text and not self._is_shown(frame):
                self._send_queue.put(self._event(frame))
            self._last = frame.sequence

    # -- as a listener of the hub

    def on_event(self, frame: Frame) -> None:
        if frame.sequence > self._last:
            self._last = frame.sequence
            if frame.text and not self._is_shown(frame):
                self._send_queue.put(self._event(frame))

    def on_progress(self, report: ProgressReport) -> None:
        frame = self._frame("progress", **report.model_dump(mode="json"))
        self._send_queue.put_progress((self._request.id, report.job), frame)

    # -- frames

    def _event(self, frame: Frame) -> str:
        return (
            f'{{"op":"event","id":{self._request.id},"sequence":{frame.sequence},'
            f'"type":"{frame.type}","job":{frame.text}}}'
        )

    def _frame(self, op: str, **content: Any) -> str:
        return as_json({"op": op, "id": self._request.id, **content}).decode()

    async def _send(self, op: str, **content: Any) -> None:
        await self._send_queue.put_when_room(self._frame(op, **content))


SubscriptionFactory = Callable[[Subscribe, SendQueue], Subscription]


def error_frame(id_: int | None, problem: dict[str, Any]) -> str:
    """Error frame for one frame of the client."""
    return as_json({"op": "error", "id": id_, "problem": problem}).decode()
