"""Missed events: what a client that resumes reads from the log, and whether it is all there still."""

from functools import partial

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.stored_messages import Stored
from services.status.live.event_buffer import Frame, frame_of

_REPLAY_BYTES = 4 * 2**20  #: of the log, read at once for one client
_HISTORY_BYTES = 64 * 1024  #: of each job, where a client follows named ones


class MissedEvents:
    """The log, as far as clients that resume look into it. Every method raises Unavailable."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self._purges = Purges(bus.jetstream)

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


def _logged(message: Stored) -> Frame:
    return frame_of(message.sequence, message.subject, message.headers, message.data)
