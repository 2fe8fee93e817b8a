"""
JetStream API client: acknowledged publishing, compare-and-append, direct gets.

Errors of nats-py are translated here, once: whatever does not answer is `Unavailable`. What is too
large for a message is not: it never fits, however often it is sent.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from heliograph.contracts.errors import BodyTooLarge, QueueFull, Unavailable
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.dead_letters import DeadLetters

WRONG_LAST_SEQUENCE = frozenset({10071, 10164})  #: err_code of a lost compare
NO_ROOM = frozenset({10077, 10047, 10023})  #: err_code of a full stream or store
NOT_FOUND = 404

_ANSWER = 1.0  #: seconds for a request that only checks for a subscriber
_RETRY_DELAY = 0.1  #: seconds between tries while the server is away
_OVERHEAD = 46  #: bytes that the server adds to a message with headers
_BATCH = 512  #: messages of one direct get; the server's own bound is 1,024 subjects or max_payload
_BATCH_BYTES = 16 * 2**20  #: of one direct get


class ApiError(Exception):
    """JetStream refused a request, with its own code."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('description')} ({error.get('err_code')})")
        self.code: int = error.get("code", 500)
        self.err_code: int = error.get("err_code", 0)


class NoResponder(Exception):
    """A subject has no subscriber."""


@dataclass(frozen=True)
class Stored:
    """A message as it stands in a stream."""

    subject: str
    sequence: int
    headers: dict[str, str]
    data: bytes
    measured: int | None = None  #: its size, where not all of its headers are here

    @property
    def size(self) -> int:
        """Bytes that it takes in its stream, nearly."""
        if self.measured is not None:
            return self.measured
        lines = sum(len(name) + len(value) + 4 for name, value in self.headers.items())
        return len(self.subject) + lines + len(self.data) + _OVERHEAD


@contextmanager
def translated() -> Iterator[None]:
    """Whatever the connection cannot do right now is `Unavailable`, what it never can is not."""
    try:
        yield
    except nats.errors.MaxPayloadError as error:
        raise BodyTooLarge("it does not fit into a message") from error
    except (nats.errors.Error, TimeoutError, ConnectionError) as error:
        raise Unavailable(f"NATS does not answer: {error}") from error


class JetStream:
    """
    One connection's view of the server.

    Args:
        timeout: Seconds for a call with all its tries.
        opened: Set once every stream is there. Until then a connected process is no further than one that
            is not: all calls are `Unavailable`. By default there is nothing to wait for.
        dead_letters: Where to note what cannot be read. By default they are the view's own.
    """

    def __init__(
        self,
        connection: Client,
        *,
        timeout: float = 5.0,
        opened: asyncio.Event | None = None,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        self.connection = connection
        self.timeout = timeout
        self._opened = opened
        self.dead_letters = dead_letters or DeadLetters(self.publish)

    def with_timeout(self, timeout: float) -> "JetStream":
        """The same view, with other patience."""
        return JetStream(
            self.connection,
            timeout=timeout,
            opened=self._opened,
            dead_letters=self.dead_letters,
        )

    async def api(self, name: str, body: Any = None) -> dict[str, Any]:
        """
        One call of the JetStream API, as `STREAM.INFO.EVENTS`.

        Raises:
            ApiError: The server said no.
            Unavailable: It said nothing.
        """
        data = json.dumps(body).encode() if body is not None else b""
        async with self._calling():
            reply = await self.connection.request(f"$JS.API.{name}", data, timeout=self.timeout)
        answer: dict[str, Any] = json.loads(reply.data)
        if "error" in answer:
            raise ApiError(answer["error"])
        return answer

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        """
        Store one message; try again until the server answers. Returns its sequence.

        Only for messages that may be stored twice, or whose headers make sure that they are not.

        Raises:
            ApiError: The server said no.
            QueueFull: There is no room.
            BodyTooLarge: It does not fit into a message.
            Unavailable: It may or may not be stored.
        """
        async with self._calling():
            self._check_size(data, headers)
            while True:
                try:
                    reply = await self.connection.request(
                        subject, data, timeout=self.timeout / 2, headers=headers
                    )
                except (
                    nats.errors.NoRespondersError,
                    nats.errors.TimeoutError,
                    nats.errors.OutboundBufferLimitError,
                ):
                    await asyncio.sleep(_RETRY_DELAY)
                    continue
                return _sequence(json.loads(reply.data))

    async def append(
        self, stream: str, subject: str, data: bytes, headers: dict[str, str], *, after: int
    ) -> int:
        """
        Compare and append: store the message if the last of its subject is number `after`.

        `headers["ce-id"]` must be the message's own: when an acknowledgement was lost, the message
        is found again by it. Returns its sequence.

        Raises:
            Conflict: Another message came after number `after`.
            QueueFull, BodyTooLarge, Unavailable: As for `publish`.
        """
        compared = {**headers, "Nats-Expected-Last-Subject-Sequence": str(after)}
        try:
            return await self.publish(subject, data, compared)
        except ApiError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE:
                raise
        first = await self.next(stream, subject, after + 1)
        if first and first.headers.get("ce-id") == headers["ce-id"]:
            return first.sequence
        raise Conflict(subject)

    def _check_size(self, data: bytes, headers: dict[str, str]) -> None:
        """nats-py does not count headers; the server does, and ends the connection for good."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if len(f"NATS/1.0\r\n{lines}\r\n".encode()) + len(data) > self.connection.max_payload:
            raise nats.errors.MaxPayloadError

    async def last(self, stream: str, subject: str) -> Stored | None:
        """The last message of a subject, which may have wildcards."""
        return await self._get(stream, {"last_by_subj": subject})

    async def next(self, stream: str, subject: str, sequence: int) -> Stored | None:
        """The first message of a subject at or after a sequence."""
        return await self._get(stream, {"seq": sequence, "next_by_subj": subject})

    async def _get(self, stream: str, query: dict[str, Any]) -> Stored | None:
        data = json.dumps(query).encode()
        async with self._calling():
            while True:
                try:
                    reply = await self.connection.request(
                        f"$JS.API.DIRECT.GET.{stream}", data, timeout=self.timeout / 2
                    )
                except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                    await asyncio.sleep(_RETRY_DELAY)
                    continue
                return _stored(reply)

    async def read_batch(
        self,
        stream: str,
        subject: str,
        sequence: int,
        *,
        size: int = _BATCH,
        most: int = _BATCH_BYTES,
    ) -> tuple[list[Stored], int]:
        """
        Up to `size` messages of a subject at or after a sequence, and how many more there are. The
        server stops with the message that makes it more than `most` bytes.

        Raises:
            Unavailable: The server does not answer.
        """
        messages: list[Stored] = []
        more: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def collect(reply: Msg) -> None:
            status = (reply.headers or {}).get("Status")
            if not status:
                stored = _stored(reply)
                assert stored
                messages.append(stored)
            elif not more.done():
                more.set_result(_pending(status, reply.headers or {}))

        inbox = self.connection.new_inbox()
        query = {"seq": sequence, "batch": size, "max_bytes": most, "next_by_subj": subject}
        async with self._calling():
            replies = await self.connection.subscribe(inbox, cb=collect)
            try:
                await self.connection.publish(
                    f"$JS.API.DIRECT.GET.{stream}", json.dumps(query).encode(), reply=inbox
                )
                pending = await more
            finally:
                await replies.unsubscribe()
        if pending < 0:
            raise Unavailable("the server cut a direct get short")
        return messages, pending

    async def read_all(self, stream: str, subject: str, sequence: int = 1) -> AsyncIterator[Stored]:
        """All messages of a subject from a sequence on, as far as there are any now."""
        while True:
            messages, more = await self.read_batch(stream, subject, sequence)
            for message in messages:
                yield message
            if not messages or not more:
                return
            sequence = messages[-1].sequence + 1

    async def request(self, subject: str, body: bytes, *, timeout: float) -> Msg:
        """
        A request to another service, and its reply.

        Raises:
            Unavailable: No reply within `timeout` seconds.
        """
        async with self._calling(timeout):
            return await self.connection.request(subject, body, timeout=timeout)

    async def try_ask(self, subject: str, body: bytes = b"") -> bytes | None:
        """
        A question that need not be answered. None when the answer did not come in time.

        Raises:
            NoResponder: The subject has no subscriber.
        """
        try:
            return (await self.connection.request(subject, body, timeout=_ANSWER)).data
        except nats.errors.NoRespondersError:
            raise NoResponder(subject) from None
        except (nats.errors.Error, TimeoutError, ConnectionError):
            return None

    async def is_answered(self, subject: str) -> bool:
        """Whether a subject has a subscriber. A busy one that does not reply counts."""
        try:
            await self.try_ask(subject)
        except NoResponder:
            return False
        return True

    @asynccontextmanager
    async def _calling(self, timeout: float | None = None) -> AsyncIterator[None]:
        """
        Bounds a call with all its tries, by `timeout` or the view's own, and translates what goes wrong.

        `asyncio.wait_for` of Python 3.11, which nats-py waits with, loses a cancellation that comes in
        the same moment as the answer (python/cpython#86296): the caller would never stop.
        """
        if not (self.connection.is_connected or self.connection.is_reconnecting):
            raise Unavailable("not connected to NATS")
        if self._opened and not self._opened.is_set():
            raise Unavailable("the streams may not be there yet")
        task = asyncio.current_task()
        assert task
        before = task.cancelling()
        with translated():
            async with asyncio.timeout(timeout or self.timeout):
                yield
        if task.cancelling() > before:
            raise asyncio.CancelledError

    async def notify(self, subject: str, body: bytes = b"") -> None:
        """Publish a notification, at most once. Correctness must not depend on it."""
        with suppress(nats.errors.Error, ConnectionError):
            await self.connection.publish(subject, body)


async def stop_listening(*subscriptions: Subscription) -> None:
    """End subscriptions. Those of a connection that is gone have ended already."""
    for subscription in subscriptions:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()


def _sequence(answer: dict[str, Any]) -> int:
    if "error" not in answer:
        return int(answer["seq"])
    error = ApiError(answer["error"])
    if error.err_code in NO_ROOM:
        raise QueueFull(f"the stream is full: {error}", retry_after=30)
    raise error


def _stored(reply: Msg) -> Stored | None:
    headers = reply.headers or {}
    status = headers.get("Status")
    if status == "404":
        return None
    if status:
        raise Unavailable(f"direct get answered {status} {headers.get('Description', '')}")
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, reply.data)


def _pending(status: str, headers: dict[str, str]) -> int:
    """How many messages a batch left behind; -1 when the server gave up."""
    if status == "204":
        return int(headers.get("Nats-Num-Pending", 0))
    return 0 if status == "404" else -1
