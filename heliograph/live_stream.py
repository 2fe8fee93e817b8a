"""Live stream of job events for clients: each once, in order, across reconnects."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from heliograph.client_errors import ConnectionFailed, RequestRejected, WaitedTooLong
from heliograph.live_connection import ConnectionAttempts, Link, close_error
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

_FRAMES_PER_SECOND = (
    40  #: frames that the service takes from a client in a second, and some to spare
)


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
        RequestRejected: The service refuses the subscription, for example as a job does not exist.
        LiveClosed: The service closed the connection permanently.
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
    attempt = ConnectionAttempts(link)
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
                await attempt.fail(await close_error(socket))
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
            await attempt.fail(error)
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{link.address} is not a live service: {error!r}"
            raise ConnectionFailed(reason) from error
        except RequestRejected as error:
            if not error.problem.retryable:
                raise
            await attempt.fail(error)


async def _send_all(socket: ClientConnection, frames: Sequence[Frame]) -> None:
    """Send all frames, no faster than the service accepts."""
    with suppress(ConnectionClosed):  # the reader gets the same error
        for number, frame in enumerate(frames, start=1):
            await socket.send(json.dumps(frame))
            if number % _FRAMES_PER_SECOND == 0:
                await asyncio.sleep(1.1)
