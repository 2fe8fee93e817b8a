"""
A crowd of WebSocket clients in a process of its own, as light as clients can be.

They count frames and look into none: a crowd that read what it is told would be slower than the
server that tells it. Only the first client keeps what it hears, with the time at which it did.
Line by line, it is told what to do on its standard input, and replies on its standard output.
"""

import asyncio
import base64
import gc
import json
import os
import sys
import time
from functools import partial
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel

from heliograph.contracts.live_frames import SUBPROTOCOL

_TEXT, _PING, _PONG = 0x1, 0x9, 0xA
_SHORT = 126  #: a length that says: the length is in the next 2 bytes; one more, in the next 8
_PATIENCE = 120.0  #: seconds


class Join(BaseModel):
    """Open so many connections, and subscribe each."""

    live: str
    clients: int
    subscribe: dict[str, object]


class Expect(BaseModel):
    """Wait until all together have heard so many frames since they were last asked."""

    frames: int


class Heard(BaseModel):
    """What happened since they were last asked."""

    ended: float  #: seconds since the epoch, when the last frame came
    frames: int
    bytes: int
    lost: int  #: connections that the server ended
    kept: list[tuple[float, str]]  #: what the first client heard, and when


class Client(asyncio.Protocol):
    """One connection: shakes hands, subscribes, counts."""

    def __init__(self, crowd: "Crowd", hello: bytes, subscribe: bytes, *, keeps: bool) -> None:
        self._crowd = crowd
        self._hello = hello
        self._subscribe = subscribe
        self._keeps = keeps
        self._open = False
        self._rest = b""
        self.frames = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._open = True
            self._transport.write(_frame(_TEXT, self._subscribe))
        self._rest = self._read(data)

    def _read(self, data: bytes) -> bytes:
        """Count the frames; what is left is the beginning of another."""
        place = 0
        while len(data) - place >= 2:
            length, start = data[place + 1] & 0x7F, place + 2
            if length >= _SHORT:
                size = 2 if length == _SHORT else 8
                if len(data) < start + size:
                    break
                length = int.from_bytes(data[start : start + size], "big")
                start += size
            if len(data) < start + length:
                break
            self._hear(data[place] & 0x0F, data[start : start + length])
            place = start + length
        return data[place:]

    def _hear(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self._transport.write(_frame(_PONG, payload))
        elif kind == _TEXT:
            self.frames += 1
            self._crowd.heard(len(payload), payload if self._keeps else None)

    def connection_lost(self, _: Exception | None) -> None:
        self._crowd.lost += 1


def _frame(kind: int, payload: bytes) -> bytes:
    """Of a client: masked, with a mask that changes nothing."""
    length = len(payload)
    if length < _SHORT:
        head = bytes([0x80 | kind, 0x80 | length])
    else:
        head = bytes([0x80 | kind, 0x80 | _SHORT]) + length.to_bytes(2, "big")
    return head + bytes(4) + payload


class Crowd:
    """All clients of this process."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self._aim = 0
        self._reached = asyncio.Event()
        self._frames = self._bytes = self.lost = 0
        self._ended = 0.0
        self._kept: list[tuple[float, str]] = []

    def heard(self, size: int, text: bytes | None) -> None:
        """A frame came."""
        self._frames += 1
        self._bytes += size
        if text is not None:
            self._kept.append((time.time(), text.decode()))
        if self._frames == self._aim:
            self._ended = time.time()
            self._reached.set()

    async def join(self, command: Join) -> None:
        """Open the connections, one after another."""
        loop = asyncio.get_running_loop()
        address = urlsplit(command.live)
        subscribe = json.dumps({"op": "subscribe", "id": 1, **command.subscribe}).encode()
        for _ in range(command.clients):
            client = Client(self, _hello(address), subscribe, keeps=not self._clients)
            self._clients.append(client)
            await loop.create_connection(
                partial(_same, client), str(address.hostname), address.port or 80
            )

    async def expect(self, command: Expect) -> Heard:
        """What was heard, once it is enough; or when it is clear that it never will be."""
        self._aim = command.frames
        if self._frames >= self._aim:
            self._ended = time.time()
            self._reached.set()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._reached.wait()
        except TimeoutError:
            self._ended = time.time()
        heard = Heard(
            ended=self._ended,
            frames=self._frames,
            bytes=self._bytes,
            lost=self.lost,
            kept=self._kept,
        )
        self._aim = self._frames = self._bytes = self.lost = 0
        self._kept = []
        self._reached.clear()
        return heard


def _same(client: Client) -> Client:
    return client


def _hello(address: SplitResult) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


async def main() -> None:
    """Until the standard input ends."""
    crowd = Crowd()
    lines = asyncio.StreamReader(limit=2**20)
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    gc.freeze()
    while line := await lines.readline():
        order = json.loads(line)
        if "live" in order:
            await crowd.join(Join.model_validate(order))
            output = "{}"
        else:
            output = (await crowd.expect(Expect.model_validate(order))).model_dump_json()
        sys.stdout.write(output + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
