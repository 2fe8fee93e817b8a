"""Event buffer: the recent events of the log, in memory, and frames that are rendered from events."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from heliograph.contracts import subjects
from heliograph.runtime.bus.stored_messages import Stored


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


@dataclass
class EventBuffer:
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


def frame_of(sequence: int, subject: str, headers: dict[str, str], data: bytes) -> Frame:
    project, job = subjects.parse(subject)
    size = Stored(subject, sequence, headers, data).size
    return Frame(sequence, headers.get("ce-type", ""), project, job, data, size)
