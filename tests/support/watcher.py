"""A client of the live connection that keeps every frame, for looking at afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from heliograph.contracts.live_frames import SUBPROTOCOL
from tests.support.timeouts import TIMEOUT

Frame = dict[str, Any]


class Watcher:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.frames: list[Frame] = []

    async def say(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))

    async def send(self, text: str | bytes) -> None:
        await self._socket.send(text)

    async def next(self) -> Frame:
        """The next frame, whatever it is."""
        async with asyncio.timeout(TIMEOUT):
            frame: Frame = json.loads(await self._socket.recv())
        self.frames.append(frame)
        return frame

    async def until(self, is_it: Callable[[Frame], bool]) -> Frame:
        """The next frame of a kind; those before it are kept in `frames`."""
        while not is_it(frame := await self.next()):
            pass
        return frame

    async def until_closed(self) -> int | None:
        """Read on until the server closes; its close code."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    def events(self) -> list[Frame]:
        return [frame for frame in self.frames if frame["op"] == "event"]


@asynccontextmanager
async def watching(live: str, **subscribe: Any) -> AsyncIterator[Watcher]:
    """A connection, subscribed when anything is said to subscribe to."""
    async with connect(live, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=None) as socket:
        watcher = Watcher(socket)
        if subscribe:
            await watcher.say(op="subscribe", **{"id": 1, **subscribe})
        yield watcher


def ends(job: str) -> Callable[[Frame], bool]:
    """The frame with which a job is over."""

    def is_it(frame: Frame) -> bool:
        return bool(
            frame["op"] == "event"
            and frame["job"]["id"] == job
            and frame["job"]["finished_at"] is not None
        )

    return is_it
