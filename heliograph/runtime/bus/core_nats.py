"""Core NATS: requests with a deadline, notifications, and errors translated once."""

import asyncio
from contextlib import suppress
from types import TracebackType

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.jetstream_errors import NoResponder, translation

_TRY_TIMEOUT = 1.0  #: seconds for a request that only checks for a subscriber


class CoreNats:
    """
    One connection's view of the server, without streams.

    Args:
        timeout: Seconds for a call with all its tries.
        opened: Set once every stream is there. Until then a connected process is no further than one that
            is not: all calls are `Unavailable`. By default there is nothing to wait for.
    """

    def __init__(
        self, connection: Client, *, timeout: float = 5.0, opened: asyncio.Event | None = None
    ) -> None:
        self.connection = connection
        self.timeout = timeout
        self._opened = opened

    async def request(self, subject: str, body: bytes, *, timeout: float) -> Msg:
        """
        A request to another service, and its reply.

        Raises:
            Unavailable: No reply within `timeout` seconds.
        """
        async with self.calling(timeout):
            return await self.connection.request(subject, body, timeout=timeout)

    async def try_ask(self, subject: str, body: bytes = b"") -> bytes | None:
        """
        A request whose reply may be missing: None when it did not come in time.

        Raises:
            NoResponder: The subject has no subscriber.
        """
        try:
            return (await self.connection.request(subject, body, timeout=_TRY_TIMEOUT)).data
        except nats.errors.NoRespondersError:
            raise NoResponder(subject) from None
        except (nats.errors.Error, TimeoutError, ConnectionError):
            return None

    async def has_subscriber(self, subject: str) -> bool:
        """Whether a subject has a subscriber. A busy one that does not reply counts."""
        try:
            await self.try_ask(subject)
        except NoResponder:
            return False
        return True

    async def notify(self, subject: str, body: bytes = b"") -> None:
        """Publish a notification, at most once. Correctness must not depend on it."""
        with suppress(nats.errors.Error, ConnectionError):
            await self.connection.publish(subject, body)

    def calling(self, timeout: float | None = None) -> "Calling":
        """
        Bounds a call with all its tries, by `timeout` or the view's own, and translates what goes wrong.

        Raises:
            Unavailable: There is no connection, or the streams may not be there yet.
        """
        if not (self.connection.is_connected or self.connection.is_reconnecting):
            raise Unavailable("not connected to NATS")
        if self._opened and not self._opened.is_set():
            raise Unavailable("the streams may not be there yet")
        return Calling(timeout or self.timeout)


class Calling:
    """
    One call, see `CoreNats.calling`. No generator: every message to the server is in one.

    `asyncio.wait_for` of Python 3.11, which nats-py waits with, loses a cancellation that comes in
    the same moment as the reply (python/cpython#86296): the caller would never stop.
    """

    def __init__(self, timeout: float) -> None:
        self._bound = asyncio.timeout(timeout)

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task
        self._task, self._before = task, task.cancelling()
        await self._bound.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._bound.__aexit__(kind, error, traceback)
        except TimeoutError as late:
            error = late
        if error is None:
            if self._task.cancelling() > self._before:
                raise asyncio.CancelledError
        elif meaning := translation(error):
            raise meaning from error


async def stop_listening(*subscriptions: Subscription) -> None:
    """End subscriptions. Those of a connection that is gone have ended already."""
    for subscription in subscriptions:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()
