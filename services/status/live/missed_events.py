"""Missed events: the replay from the log for a client that resumes, if the log still has all of them."""

import asyncio
from dataclasses import dataclass
from functools import partial

from cachetools import TTLCache

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.stored_messages import Stored
from services.status.live.event_frames import Frame, frame_of

_PAGE_BYTES = 2**20  #: of the log, read at once: more would keep others waiting
_PAGES, _PAGES_KEPT = 8, 30.0  #: pages that clients share, and seconds for which they do
_HISTORY_BYTES = 64 * 1024  #: of each job, where a client follows named ones


@dataclass(frozen=True)
class _Page:
    """Events of a project: all of those after one sequence and up to another."""

    after: int
    through: int
    frames: list[Frame]


class MissedEvents:
    """Reads the log for clients that resume. Every method raises Unavailable."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self._purges = Purges(bus.jetstream)
        self._reading = asyncio.Lock()
        self._pages: TTLCache[tuple[str, int], _Page] = TTLCache(_PAGES, _PAGES_KEPT)

    async def latest(self, size: int) -> tuple[int, list[Frame], int]:
        """
        The newest events of all projects, about `size` bytes of them; the sequence after which, and
        the one up to which, the log has no others.
        """
        state = (await self._bus.jetstream.api(f"STREAM.INFO.{STREAM}"))["state"]
        mean = max(1, state["bytes"] // max(1, state["messages"]))
        head = await self._bus.events.head()
        begin = after = max(0, head - size // mean)
        frames: list[Frame] = []
        more = int(begin < head)
        while more:
            part, more = await self._read(subjects.EVENTS, after)
            frames += part
            after = max([after, *(frame.sequence for frame in part[-1:])])
        return begin, frames, max(head, after)

    async def after(
        self, project: str, jobs: frozenset[str] | None, after: int, floor: int
    ) -> tuple[list[Frame], int]:
        """
        The next events after a sequence from the log, the oldest first, and up to which sequence they
        are all of them: `floor` or more, unless there are too many to read at once.
        """
        if jobs is None:
            async with self._reading:  # the next client finds what this one has read
                page = self._page_with(project, after) or await self._read_page(
                    project, after, floor
                )
            return [frame for frame in page.frames if frame.sequence > after], page.through
        parts = [await self._history(project, job, after) for job in sorted(jobs)]
        # only so far is it certain that no history was read before its last event was stored, and
        # only so far is each of them here
        horizon = min([floor, *(frames[-1].sequence for frames, more in parts if more)])
        frames = [each for frames, _ in parts for each in frames if each.sequence <= horizon]
        return sorted(frames, key=lambda frame: frame.sequence), horizon

    def _page_with(self, project: str, after: int) -> "_Page | None":
        """A page that was read for another client, and has what comes next for this one."""
        pages = [self._pages[key] for key in list(self._pages) if key[0] == project]
        return next((each for each in pages if each.after <= after < each.through), None)

    async def _read_page(self, project: str, after: int, floor: int) -> "_Page":
        frames, more = await self._read(subjects.event(project, "*"), after)
        page = _Page(after, frames[-1].sequence if more else max(after, floor), frames)
        self._pages[project, after] = page
        return page

    async def _read(self, subject: str, after: int) -> tuple[list[Frame], int]:
        """The next events of a subject, and how many more there are."""
        batch = self._bus.jetstream.read_batch
        messages, more = await batch(STREAM, subject, after + 1, most=_PAGE_BYTES)
        return [_logged(message) for message in messages], more

    async def _history(self, project: str, job: str, after: int) -> tuple[list[Frame], int]:
        """The next events of a job, a few, and how many more there are."""
        subject = subjects.event(project, job)
        messages, more = await self._bus.jetstream.read_batch(
            STREAM, subject, after + 1, most=_HISTORY_BYTES
        )
        return [_logged(message) for message in messages], more

    async def count(self, project: str, jobs: frozenset[str] | None, after: int) -> int:
        """Number of events after a sequence."""
        read = partial(self._bus.jetstream.read_batch, STREAM, size=1)
        count = 0
        for job in sorted(jobs) if jobs else ["*"]:
            messages, more = await read(subjects.event(project, job), after + 1)
            count += len(messages) + more
        return count

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
        """Last sequence of the log itself; this process may lag behind it."""
        return await self._bus.events.head()

    async def has_job(self, project: str, job: str) -> bool:
        """Whether the log has a job of the project by that name. Raises Unavailable."""
        try:
            entry = await self._bus.events.job(job)
        except Unreadable:  # it is there; what can be read of it is shown
            return True
        return entry is not None and entry.record.project == project


def _logged(message: Stored) -> Frame:
    return frame_of(message.sequence, message.subject, message.headers, message.data)
