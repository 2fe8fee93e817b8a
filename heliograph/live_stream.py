"""Live stream of job events for clients: each once, in order, across reconnects."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from httpx import create_ssl_context
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
)
from websockets.typing import Subprotocol

from heliograph.client_errors import (
    AddressRefused,
    ConnectionFailed,
    LiveClosed,
    RequestRejected,
    WaitedTooLong,
)
from heliograph.contracts.live_frames import SUBPROTOCOL
from heliograph.contracts.problems import Problem
from heliograph.subscriptions import (
    MAX_JOBS,
    MAX_SUBSCRIPTIONS,
    CaughtUpCallback,
    Frame,
    LiveEvent,
    ResumeCursor,
    Subscriptions,
    divided,
)

__all__ = ["Link", "LiveEvent", "ResumeCursor", "following"]

_FIRST_PAUSE, _MAX_PAUSE = 0.2, 5.0  #: seconds before a lost connection is opened again
_GIVE_UP_AFTER = 60.0  #: seconds without a connection that works
_FRAMES_PER_SECOND = (
    40  #: frames that the service takes from a client in a second, and some to spare
)
_FINAL = frozenset({1003, 1008, 1009, 4403})  #: close codes that do not get better
_TICKET = 4401  #: the ticket was not accepted; a fresh one may be

Ticket = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Link:
    """
    URL and proxy of the live service.

    Args:
        proxy: The address of a proxy. None: no proxy, whatever the environment says.
        ticket: Gives a fresh ticket for a connection, where the service wants one.
    """

    address: str
    proxy: str | None = None
    ticket: Ticket | None = None


@asynccontextmanager
async def following(
    link: Link | str,
    project: str,
    jobs: Sequence[str] = (),
    after: ResumeCursor | None = None,
    *,
    timeout: float | None = None,  # of reading, not of this call
    caught_up: CaughtUpCallback | None = None,
) -> AsyncIterator[AsyncIterator[LiveEvent]]:
    """
    Events of some jobs, or of all of a project, for as long as the block runs.

    A snapshot comes first, or what was missed since `after`. A connection that breaks is opened again
    and taken up where it broke off, and so is one that cannot be served right now. Each time, once
    nothing is missing any more, `caught_up` is called with the number of events that were missed, or
    with None after a snapshot; with more than 30,000 jobs, for each connection by itself.

    Reading the events raises:
        RequestRejected: The service refuses, as for a job that is not there.
        LiveClosed: The service closed the connection for good.
        ConnectionFailed: There was no connection for a minute.
        WaitedTooLong: `timeout` seconds are over.
    """
    link = Link(link) if isinstance(link, str) else link
    named = list(dict.fromkeys(jobs))
    parts = divided(named, MAX_JOBS * MAX_SUBSCRIPTIONS) if named else [()]
    connections = [
        _follow(link, Subscriptions(project, part, after, caught_up=caught_up)) for part in parts
    ]
    events = connections[0] if len(connections) == 1 else _merged(connections)
    async with aclosing(_until(events, timeout)) as bounded:
        yield bounded


async def _until(
    events: AsyncGenerator[LiveEvent],
    timeout: float | None,
) -> AsyncGenerator[LiveEvent]:
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    async with aclosing(events):
        while True:
            try:
                async with asyncio.timeout_at(end):
                    event = await anext(events)
            except TimeoutError:
                raise WaitedTooLong(f"not finished after {timeout:g} s; the job goes on") from None
            except StopAsyncIteration:
                return
            yield event


async def _merged(connections: Sequence[AsyncGenerator[LiveEvent]]) -> AsyncGenerator[LiveEvent]:
    """The events of several connections, as they come."""
    queue: asyncio.Queue[LiveEvent] = asyncio.Queue(maxsize=len(connections))

    async def copy(events: AsyncGenerator[LiveEvent]) -> None:
        async with aclosing(events):
            async for event in events:
                await queue.put(event)

    copying = [asyncio.create_task(copy(events)) for events in connections]
    try:
        while True:
            getting = asyncio.create_task(queue.get())
            either: set[asyncio.Task[Any]] = {getting, *copying}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                for task in copying:
                    if task.done():
                        task.result()  # raises what ended it
                return
            yield getting.result()
    finally:
        for task in copying:
            task.cancel()
        await asyncio.gather(*copying, return_exceptions=True)


async def _follow(link: Link, subscriptions: Subscriptions) -> AsyncGenerator[LiveEvent]:
    attempt = _Attempts(link)
    while True:
        try:
            async with attempt.connection() as socket:
                sending = asyncio.create_task(_send_all(socket, subscriptions.frames()))
                try:
                    async for text in socket:
                        frame = json.loads(text)
                        attempt.works()
                        for event in subscriptions.read(frame):
                            yield event
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
                await attempt.fail(await _closed(socket))
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
            await attempt.fail(error)
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{link.address} is not a live service: {error!r}"
            raise ConnectionFailed(reason) from error
        except RequestRejected as error:
            if not error.problem.retryable:
                raise
            await attempt.fail(error)


async def _closed(socket: ClientConnection) -> Exception:
    """The close frame of a connection that ended in order."""
    try:
        await socket.recv()
    except ConnectionClosed as closed:
        return closed
    return OSError("the connection is over")


class _Attempts:
    """Attempts to reach a service: how long none has worked, and what makes another one useless."""

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
        if code == _TICKET:
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
    """Raises LiveClosed or RequestRejected for what does not get better."""
    code = _code_of(error)
    if code in _FINAL and isinstance(error, ConnectionClosed) and error.rcvd:
        raise LiveClosed.of(code, error.rcvd.reason) from error
    if isinstance(error, InvalidStatus) and 400 <= error.response.status_code < 429:
        with suppress(ValueError):
            problem = Problem.model_validate_json(error.response.body or b"")
            raise RequestRejected(problem) from error
        raise LiveClosed(f"the service answered {error.response.status_code}") from error


async def _send_all(socket: ClientConnection, frames: Sequence[Frame]) -> None:
    """Send all frames, no faster than the service accepts."""
    with suppress(ConnectionClosed):  # the reader gets the same error
        for number, frame in enumerate(frames, start=1):
            await socket.send(json.dumps(frame))
            if number % _FRAMES_PER_SECOND == 0:
                await asyncio.sleep(1.1)


def _ssl(address: str) -> SSLContext | None:
    """TLS context that ignores the environment, as everywhere else here."""
    return create_ssl_context(trust_env=False) if address.startswith("wss:") else None
