"""
Send queue of a client: bounded, in order, progress replaced by newer progress.

The bounds are back-pressure (backpressure): replayed events wait for room; new events must fit, or the
client is disconnected, and resumes.
"""

import asyncio
import sys
from collections import deque

LIMIT = 256  #: frames; a client that is further behind is disconnected, and resumes
LIMIT_BYTES = 4 * 2**20  #: of frames; one frame may always wait, whatever its size
_HANDED_OUT = 64 * 1024  #: bytes taken at once; one frame may be larger


class SendQueueMemory:
    """Memory of all send queues of a process. Over its bound, the largest are emptied."""

    def __init__(self, limit: int) -> None:
        self._limit = limit  #: bytes
        self._taken = 0
        self._queues: set[SendQueue] = set()
        self.space = asyncio.Event()  #: there is room for what can wait
        self.space.set()

    def enter(self, send_queue: "SendQueue") -> None:
        self._queues.add(send_queue)

    def leave(self, send_queue: "SendQueue") -> None:
        self._queues.discard(send_queue)
        self.note(-send_queue.size)

    def note(self, change: int) -> None:
        """Add to, or subtract from, the bytes in use."""
        self._taken += change
        while self._taken > self._limit and (fullest := max(self._queues, key=_size, default=None)):
            if not fullest.size:
                break
            fullest.give_up()
        if self._taken < self._limit // 2:
            self.space.set()
        else:
            self.space.clear()


class SendQueue:
    """Frames of one connection, as text. Close it when the connection is over."""

    def __init__(self, memory: SendQueueMemory | None = None) -> None:
        self._memory = memory or SendQueueMemory(2 * LIMIT_BYTES)
        self._memory.enter(self)
        self._frames: deque[str] = deque()
        self._progress: dict[object, str] = {}
        self._something = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()
        self.size = 0  #: bytes
        self.overflowed = False

    def close(self) -> None:
        """Hold nothing any more."""
        self._memory.leave(self)
        self.size = 0

    def put(self, frame: str) -> None:
        """Add a frame that may not be left out."""
        size = sys.getsizeof(frame)
        is_full = len(self._frames) >= LIMIT or (self.size and self.size + size > LIMIT_BYTES)
        if is_full or self.overflowed:
            self.overflowed = True
        else:
            self._frames.append(frame)
            self._note(size)
        self._something.set()

    def put_progress(self, about: object, frame: str) -> None:
        """Add a frame that replaces an older one about the same thing; left out when there is no room."""
        older = self._progress.get(about)
        change = sys.getsizeof(frame) - (sys.getsizeof(older) if older else 0)
        if self.overflowed or self.size + change > LIMIT_BYTES:
            return
        self._progress[about] = frame
        self._note(change)
        self._something.set()

    async def put_when_room(self, frame: str) -> None:
        """Add a frame when there is room: for what the client asked to be sent again."""
        await self.until_room()
        self.put(frame)

    @property
    def has_room(self) -> bool:
        """Whether what can wait may be added now."""
        return self._space.is_set() and self._memory.space.is_set()

    async def until_room(self) -> None:
        """Wait until deferrable frames may be added."""
        while not self.has_room:
            await self._space.wait()
            await self._memory.space.wait()

    async def take(self) -> list[str]:
        """The oldest frames, as soon as there are some; a bounded number at once."""
        await self.filled()
        return self.take_now()

    async def filled(self) -> None:
        """Wait until there is a frame, or the client is to be disconnected."""
        await self._something.wait()

    def take_now(self) -> list[str]:
        """The oldest frames; a bounded number at once."""
        before = self.size
        taken: list[str] = []
        while (self._frames or self._progress) and (not taken or before - self.size < _HANDED_OUT):
            taken.append(self._pop())
        if not self._frames and not self._progress:
            self._something.clear()
        return taken

    def give_up(self) -> None:
        """Drop everything: the client is disconnected."""
        self.overflowed = True
        self._frames.clear()
        self._progress.clear()
        self._note(-self.size)
        self._something.set()

    def _pop(self) -> str:
        frame = (
            self._frames.popleft()
            if self._frames
            else self._progress.pop(next(iter(self._progress)))
        )
        self._note(-sys.getsizeof(frame))
        return frame

    def _note(self, change: int) -> None:
        self.size += change
        if len(self._frames) < LIMIT // 2 and self.size < LIMIT_BYTES // 2:
            self._space.set()
        else:
            self._space.clear()
        self._memory.note(change)


def _size(send_queue: SendQueue) -> int:
    return send_queue.size
