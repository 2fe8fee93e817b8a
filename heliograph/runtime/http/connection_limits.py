"""
Connection limits: a deadline for request headers, a cap on connections, an end for clients that stall.

uvicorn waits for headers without end, and its `limit_concurrency` answers honest clients with 503
while others hold the connections. Here the connections that hold no request make room first.
"""

import asyncio
import resource
import socket
import struct
from functools import partial
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from heliograph.runtime.http.joined_head import JoinedHead
from heliograph.runtime.http.strict_protocol import StrictHttpProtocol
from heliograph.runtime.settings import ServiceSettings

STALL_LIMIT = 30.0  #: seconds in which a client has to take what its connection holds
_OTHER_FILES = 128  #: descriptors kept for NATS, SQL, stores, logs


class IdleConnections:
    """
    The HTTP connections of a process that hold no request, in the order in which they began to wait.

    Args:
        most: Connections of any kind at once.
        deadline: Seconds from the start of a connection, or the last response, to complete headers.
    """

    def __init__(self, most: int, deadline: float) -> None:
        self.deadline = deadline
        self._most = most
        self._waiting: dict[HttpProtocol, asyncio.TimerHandle] = {}

    def begin(self, protocol: "HttpProtocol") -> None:
        """Start the deadline of the next request's headers; more bytes do not extend it."""
        if protocol not in self._waiting:
            late = protocol.loop.call_later(self.deadline, protocol.abort)
            self._waiting[protocol] = late

    def end(self, protocol: "HttpProtocol") -> None:
        if late := self._waiting.pop(protocol, None):
            late.cancel()

    def make_room(self, connections: int) -> None:
        """Close the connection that has waited longest when there are too many."""
        if connections > self._most and self._waiting:
            next(iter(self._waiting)).abort()


class _StallTimer:
    """Ends a connection whose client takes nothing."""

    _stalled: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        self.end()
        loop = asyncio.get_running_loop()
        self._stalled = loop.call_later(STALL_LIMIT, _reset, transport)

    def end(self) -> None:
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None


def _reset(transport: asyncio.Transport) -> None:
    """Close without an attempt to deliver what is still in the buffers of the kernel."""
    connected = transport.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class HttpProtocol(StrictHttpProtocol):
    """HTTP within the limits of a process."""

    def __init__(self, *, idle: IdleConnections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._idle = idle
        self._stall = _StallTimer()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._responses = JoinedHead(transport)
        super().connection_made(cast(asyncio.Transport, self._responses))
        self._idle.begin(self)
        self._idle.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle.end(self)
        self._stall.end()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._idle.end(self)
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        self._responses.expect_head()
        super().on_response_complete()
        self._note()

    def handle_websocket_upgrade(self) -> None:
        self._idle.end(self)
        self._is_upgraded, self.transport = True, self._responses.connection
        super().handle_websocket_upgrade()

    _is_upgraded = False

    def _note(self) -> None:
        if self._is_upgraded or self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self._idle.begin(self)
        else:
            self._idle.end(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose client has to read."""

    def __init__(self, *arguments: Any, **uvicorn: Any) -> None:
        super().__init__(*arguments, **uvicorn)
        self._stall = _StallTimer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()


def http_protocol(settings: ServiceSettings) -> type[asyncio.Protocol]:
    """Protocol factory for uvicorn."""
    most = min(settings.max_connections, _raised_file_limit() - _OTHER_FILES)
    idle = IdleConnections(max(1, most), settings.header_deadline)
    return cast(type[asyncio.Protocol], partial(HttpProtocol, idle=idle))


def _raised_file_limit() -> int:
    """Raise the limit of file descriptors as far as allowed, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 2**16 if hard == resource.RLIM_INFINITY else min(2**16, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
