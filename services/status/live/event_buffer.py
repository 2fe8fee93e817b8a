"""Event buffer: the recent events of the log, in memory, bounded by their size."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.status.live.event_frames import Frame


@dataclass
class EventBuffer:
    """Recent events, bounded by their size."""

    limit: int  #: bytes
    floor: int = 0  #: all events after this sequence are in the buffer
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
