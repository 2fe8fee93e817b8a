"""Snapshot of a subscription: the jobs of a client that starts over, page by page."""

from collections.abc import Awaitable, Callable
from functools import partial

from heliograph.contracts.live_frames import Subscribe
from heliograph.runtime.clock import now
from heliograph.runtime.job_view import JobPresenter, with_progress
from services.status.live.event_frames import Frame
from services.status.live.frames import frame_text
from services.status.live.hub import Hub
from services.status.live.send_queue import SendQueue
from services.status.live.subscription_limits import SubscriptionLimits
from services.status.read_model import ReadModel
from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotPage, SnapshotQuery

PAGE = 100  #: jobs in a snapshot frame, at most
PAGE_BYTES = 512 * 1024  #: of records in a snapshot frame; one job may be larger
_FIRST_PAGE_TRIES = 5


class SnapshotFrames:
    """
    Jobs as of a sequence taken before the first page; the events after it follow.

    A page may show a job later than that: events that it has in it are left out.
    """

    def __init__(
        self,
        request: Subscribe,
        hub: Hub,
        read_model: ReadModel,
        presenter: JobPresenter,
        send_queue: SendQueue,
        limits: SubscriptionLimits,
    ) -> None:
        self.sequence = 0
        self._newer: dict[str, int] = {}  #: sequences of jobs that are shown later than it is of
        self._id = request.id
        self._query = SnapshotQuery(
            project=request.project,
            jobs=tuple(sorted(set(request.jobs))) if request.jobs else None,
            final_since=now() - limits.final_for,
        )
        self._hub = hub
        self._read_model = read_model
        self._presenter = presenter
        self._send_queue = send_queue
        self._limits = limits

    async def send(self, turn: int) -> None:
        """
        Send all pages, each in a turn of its own.

        Args:
            turn: The client's number among those that wait for a turn.

        Raises:
            Unavailable: The read model or the bus did not respond in time; reconnect later.
        """
        page = await self._send_page(turn, self._first_page)
        while page.next:
            page = await self._send_page(turn, partial(self._page, page.next))

    def shows(self, frame: Frame) -> bool:
        """Whether it has this event in it."""
        return self._newer.get(frame.job, 0) >= frame.sequence

    async def _send_page(
        self, turn: int, read: Callable[[], Awaitable[SnapshotPage]]
    ) -> SnapshotPage:
        await self._send_queue.until_room()
        async with self._limits.turns.turn(turn):
            page = await read()
            self._newer |= self._newer_in(page)
            shown = await self._presenter.jobs([(r.record, r.sequence) for r in page.rows])
            jobs = [with_progress(job, self._hub.report(job["id"])) for job in shown]
            content = {"sequence": self.sequence, "jobs": jobs, "more": page.next is not None}
            self._send_queue.put(frame_text("snapshot", self._id, **content))
        return page

    async def _first_page(self) -> SnapshotPage:
        """Read again while it shows more than its sequence: most snapshots have no other page."""
        for _ in range(_FIRST_PAGE_TRIES):
            self.sequence = await self._limits.retry_until_timeout(
                partial(self._read_model.head, self._hub.epoch)
            )
            page = await self._page(None)
            if not self._newer_in(page):
                break
        return page

    async def _page(self, after: SnapshotCursor | None) -> SnapshotPage:
        read = self._read_model.snapshot
        return await self._limits.retry_until_timeout(
            partial(read, self._query, after, limit=PAGE, room=PAGE_BYTES)
        )

    def _newer_in(self, page: SnapshotPage) -> dict[str, int]:
        return {row.record.id: row.sequence for row in page.rows if row.sequence > self.sequence}
