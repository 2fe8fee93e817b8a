"""Subscription of a live client: snapshot or missed events first, then every new event."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from heliograph.contracts.budgets.messages import ThresholdReached
from heliograph.contracts.errors import NotFound, ServiceError, Unavailable
from heliograph.contracts.live_frames import Cursor, Subscribe
from heliograph.contracts.progress import ProgressReport
from heliograph.runtime.job_view import JobPresenter
from services.status.live.event_frames import Frame
from services.status.live.frames import event_text, frame_text
from services.status.live.hub import Hub
from services.status.live.send_queue import SendQueue
from services.status.live.snapshot_frames import SnapshotFrames
from services.status.live.subscription_limits import SubscriptionLimits
from services.status.read_model import ReadModel

_CATCH_UP_TIMEOUT = 5.0  #: seconds for the hub to reach a sequence that the log has
_PART = 0.005  #: seconds of one turn of a replay


class Subscription:
    """Events of a project, or of some of its jobs."""

    def __init__(
        self,
        request: Subscribe,
        hub: Hub,
        read_model: ReadModel,
        presenter: JobPresenter,
        send_queue: SendQueue,
        limits: SubscriptionLimits,
    ) -> None:
        self.jobs = frozenset(request.jobs) if request.jobs else None
        self._request = request
        self.project = request.project
        self._hub = hub
        self._read_model = read_model
        self._send_queue = send_queue
        self._limits = limits
        self._snapshot = SnapshotFrames(request, hub, read_model, presenter, send_queue, limits)
        self._turn = limits.turns.number()
        self._last = 0  #: sequence of the last event this client has

    async def run(self) -> None:
        """
        Bring the client up to date, and join the live ones.

        Raises:
            NotFound: One of the jobs does not exist in the project.
            Unavailable: The read model or the bus did not respond in time; reconnect later.
        """
        await self._limits.retry_until_timeout(self._hub_opened)
        await self._limits.retry_until_timeout(self.check_jobs)
        after = self._request.after
        missed = (
            await self._limits.retry_until_timeout(partial(self._missed, after)) if after else None
        )
        await self._confirm(missed)
        if after is not None and missed is not None:
            self._last = after.sequence
        else:
            await self._snapshot.send(self._turn)
            self._last = self._snapshot.sequence
        await self._catch_up()

    @property
    def epoch(self) -> str:
        """Epoch of the stream to which sequences belong."""
        return self._hub.epoch

    def stop(self) -> None:
        """End the subscription."""
        self._hub.leave(self.project, self)

    async def check_jobs(self) -> None:
        """
        Raises:
            NotFound: One of the jobs does not exist in the project.
            Unavailable: The jobs cannot be checked at the moment.
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
            async with asyncio.timeout(self._limits.timeout):
                await self._hub.opened.wait()
        except TimeoutError:
            raise Unavailable("not listening yet") from None

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
        last = await self._hub.missed.last_sequence()
        if after.sequence > last:
            return None
        # a process that stood still is behind the log, and would call news what its clients have missed
        await self._hub.wait_beyond(last - 1, seconds=_CATCH_UP_TIMEOUT)
        if await self._hub.missed.is_purged(self.project, self.jobs, after.sequence):
            return None
        count = await self._hub.count(self.project, self.jobs, after.sequence)
        is_limited = self.jobs is None  # named jobs have few events each, and are read one by one
        return None if is_limited and count > self._limits.replay_limit else count

    # -- replays

    async def _catch_up(self) -> None:
        while True:
            floor = through = self._hub.floor
            if self._last < floor:
                frames, through = await self._limits.retry_until_timeout(
                    partial(self._logged, floor)
                )
            else:
                await self._send_queue.until_room()
                frames = self._hub.recent(self.project, self.jobs, self._last)
                if not frames:
                    self._join()
                    return
            await self._replay(deque(frames))
            self._last = max(self._last, through)

    def _join(self) -> None:
        """Become live: send `caught_up` before any new event."""
        self._hub.join(self.project, self)
        self._send_queue.put(self._frame("caught_up", sequence=self._last))

    async def _logged(self, floor: int) -> tuple[list[Frame], int]:
        async with self._limits.turns.turn(self._turn):
            return await self._hub.missed.after(self.project, self.jobs, self._last, floor)

    async def _replay(self, frames: deque[Frame]) -> None:
        """Send missed events, a few at a time: other clients, and what happens now, go on meanwhile."""
        while frames:
            await self._send_queue.until_room()
            await self._hub.render(frames[0])  # a turn never waits for addresses
            async with self._limits.turns.turn(self._turn):
                self._send_part(frames)
                await asyncio.sleep(0)

    def _send_part(self, frames: deque[Frame]) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + _PART
        while frames and self._send_queue.has_room and clock() < end:
            if not self._hub.render_now(frames[0]):
                return
            frame = frames.popleft()
            if frame.text and not self._snapshot.shows(frame):
                self._send_queue.put(self._event(frame))
            self._last = frame.sequence

    # -- as a listener of the hub

    def on_event(self, frame: Frame) -> None:
        if frame.sequence > self._last:
            self._last = frame.sequence
            if frame.text and not self._snapshot.shows(frame):
                self._send_queue.put(self._event(frame))

    def on_progress(self, report: ProgressReport) -> None:
        frame = self._frame("progress", **report.model_dump(mode="json"))
        self._send_queue.put_progress((self._request.id, report.job), frame)

    def on_threshold(self, reached: ThresholdReached) -> None:
        if self._request.budget:
            self._send_queue.put(self._frame("budget", **reached.model_dump(mode="json")))

    def _event(self, frame: Frame) -> str:
        return event_text(self._request.id, frame)

    def _frame(self, op: str, **content: Any) -> str:
        return frame_text(op, self._request.id, **content)

    async def _send(self, op: str, **content: Any) -> None:
        await self._send_queue.put_when_room(self._frame(op, **content))


SubscriptionFactory = Callable[[Subscribe, SendQueue], Subscription]
