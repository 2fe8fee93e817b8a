"""
Joined head: the head of a response is sent together with the first piece of its body.

uvicorn writes them one after the other, and asyncio sends each at once: a system call, and a client that
is woken, for a head alone.
"""

import asyncio
from typing import Any

_MOST = 64 * 1024  #: bytes of a piece that is copied; a larger one follows its head by itself


class JoinedHead:
    """
    The transport of a connection, as one that responds to requests uses it. What is not written here is the
    connection's own.

    A head without a body that follows at once is sent in the next round of the event loop.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.connection = transport
        self._head: bytes | None = None
        self._is_next_a_head = True

    def expect_head(self) -> None:
        """What is written next is a head."""
        self._is_next_a_head = True

    def write(self, data: bytes) -> None:
        if self._is_next_a_head:
            self._is_next_a_head, self._head = False, data
            asyncio.get_running_loop().call_soon(self._send_head)
        elif self._head is not None and len(data) <= _MOST:
            head, self._head = self._head, None
            self.connection.write(head + data)
        else:
            self._send_head()
            self.connection.write(data)

    def close(self) -> None:
        self._send_head()
        self.connection.close()

    def abort(self) -> None:
        self._head = None
        self.connection.abort()

    def _send_head(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self.connection.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)
