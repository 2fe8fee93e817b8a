"""What waits to be sent to one client: bounded, in order, progress replaced by newer progress."""

import asyncio
from collections import deque

LIMIT = 256  #: frames; a client that is further behind has to go, and resume


class Outbox:
    """Frames of one connection, as text."""

    def __init__(self) -> None:
        self._frames: deque[str] = deque()
        self._progress: dict[object, str] = {}
        self._something = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()
        self.overflowed = False

    def put(self, frame: str) -> None:
        """Add a frame that may not be left out."""
        if len(self._frames) >= LIMIT:
            self.overflowed = True
        else:
            self._frames.append(frame)
        self._something.set()
        if len(self._frames) >= LIMIT // 2:
            self._space.clear()

    def put_progress(self, about: object, frame: str) -> None:
        """Add a frame that replaces an older one about the same thing."""
        self._progress[about] = frame
        self._something.set()

    async def put_in_turn(self, frame: str) -> None:
        """Add a frame when there is room: for what the client asked to be sent again."""
        await self._space.wait()
        self.put(frame)

    async def take(self) -> list[str]:
        """Everything there is, as soon as there is something."""
        await self._something.wait()
        self._something.clear()
        frames = [*self._frames, *self._progress.values()]
        self._frames.clear()
        self._progress.clear()
        self._space.set()
        return frames
