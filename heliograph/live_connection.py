"""Connection to the live service: opened again while that can help."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext

from httpx import create_ssl_context
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from heliograph.client_errors import AddressRefused, ConnectionFailed, LiveClosed, RequestRejected
from heliograph.contracts.close_codes import (
    FORBIDDEN,
    FRAME_TOO_LARGE,
    NOT_TEXT,
    POLICY_VIOLATION,
    UNAUTHENTICATED,
)
from heliograph.contracts.live_frames import SUBPROTOCOL
from heliograph.contracts.problems import Problem

_FIRST_PAUSE, _MAX_PAUSE = 0.2, 5.0  #: seconds before a lost connection is opened again
_GIVE_UP_AFTER = 60.0  #: seconds without a connection that works

#: close codes that do not get better
_FINAL = frozenset({NOT_TEXT, POLICY_VIOLATION, FRAME_TOO_LARGE, FORBIDDEN})

Ticket = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Link:
    """
    URL and proxy of the live service.

    Args:
        proxy: The address of a proxy. None: no proxy; the environment is not read.
        ticket: Gives a fresh ticket for a connection, where the service wants one.
    """

    address: str
    proxy: str | None = None
    ticket: Ticket | None = None


async def close_error(socket: ClientConnection) -> Exception:
    """The close frame of a connection that ended in order."""
    try:
        await socket.recv()
    except ConnectionClosed as closed:
        return closed
    return OSError("the connection is over")


class ConnectionAttempts:
    """Attempts to reach a service: how long none has worked, and which errors make another one useless."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._clock = asyncio.get_running_loop().time
        self._pause = _FIRST_PAUSE
        self._failing_since: float | None = None
        self._is_renewed = False  #: the ticket, since the last connection that worked

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[ClientConnection]:
        address, protocols = self._link.address, [Subprotocol(SUBPROTOCOL)]
        try:
            opening = connect(
                address,
                subprotocols=protocols,
                max_size=None,
                proxy=self._link.proxy,
                ssl=_ssl(address),
            )
            async with opening as socket:
                if self._link.ticket:
                    ticket = await self._link.ticket()
                    await socket.send(json.dumps({"op": "auth", "ticket": ticket}))
                yield socket
        except (InvalidURI, InvalidProxy) as error:
            raise AddressRefused(f"{address}: {error}") from error

    def works(self) -> None:
        """A frame was received: reset the attempts."""
        self._pause = _FIRST_PAUSE
        self._failing_since = None
        self._is_renewed = False

    async def fail(self, error: Exception) -> None:
        """Wait until the next attempt, or raise what the last one means."""
        _raise_what_is_final(error)
        code = _code_of(error)
        if code == UNAUTHENTICATED:
            if self._link.ticket is None or self._is_renewed:
                raise LiveClosed.of(code, "the ticket was not accepted") from error
            self._is_renewed = True
            return
        if self._failing_since is None:
            self._failing_since = self._clock()
        if self._clock() - self._failing_since > _GIVE_UP_AFTER:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(f"{self._link.address}: {reason}") from error
        await asyncio.sleep(random.uniform(self._pause / 2, self._pause))  # noqa: S311  # spreads load
        self._pause = min(2 * self._pause, _MAX_PAUSE)


def _code_of(error: Exception) -> int | None:
    if isinstance(error, ConnectionClosed) and error.rcvd:
        return error.rcvd.code
    return None


def _raise_what_is_final(error: Exception) -> None:
    """Raises LiveClosed or RequestRejected for permanent errors."""
    code = _code_of(error)
    if code in _FINAL and isinstance(error, ConnectionClosed) and error.rcvd:
        raise LiveClosed.of(code, error.rcvd.reason) from error
    if isinstance(error, InvalidStatus) and 400 <= error.response.status_code < 429:
        with suppress(ValueError):
            problem = Problem.model_validate_json(error.response.body or b"")
            raise RequestRejected(problem) from error
        raise LiveClosed(f"the service answered {error.response.status_code}") from error


def _ssl(address: str) -> SSLContext | None:
    """TLS context that ignores the environment, as everywhere else here."""
    return create_ssl_context(trust_env=False) if address.startswith("wss:") else None
