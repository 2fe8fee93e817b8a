"""
JetStream API client: acknowledged publishing, compare-and-append, direct gets.

Errors of nats-py are translated here, once: a missing reply is `Unavailable`. A message that is
too large is another error, because a retry cannot help.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.core_nats import CoreNats
from heliograph.runtime.bus.dead_letters import DeadLetterWriter
from heliograph.runtime.bus.jetstream_errors import (
    NO_LEADER,
    NO_ROOM,
    WRONG_LAST_SEQUENCE,
    ApiError,
)
from heliograph.runtime.bus.request_client import RequestClient
from heliograph.runtime.bus.stored_messages import (
    Stored,
    messages_left,
    stored_at_leader,
    stored_message,
)

_RETRY_DELAY = 0.1  #: seconds between tries while the server is away
_BEGUN_WITHIN = 1.0  #: seconds for the reply to a read that is asked once

_BATCH = 512  #: messages of one direct get; the server's own bound is 1,024 subjects or max_payload
_BATCH_BYTES = 16 * 2**20  #: of one direct get


class BegunRead(NamedTuple):
    """A read of one message that is under way."""

    reply: asyncio.Future[Msg]
    read: Callable[[Msg], Stored | None]

    async def result(self) -> Stored | None:
        """The message. Raises Unavailable: there was no reply."""
        try:
            return self.read(await self.reply)
        except nats.errors.TimeoutError as error:
            raise Unavailable("a read had no reply in time") from error


class JetStream(CoreNats):
    """
    One connection's view of the server and its streams.

    Args:
        timeout, opened: As of `CoreNats`.
        dead_letters: Where to note what cannot be read. By default they are the view's own.
        replicas: Copies of each stream. With more than one, single messages are read from the leader: a
            direct get may be served by a server that lags behind an acknowledged write (ADR-31).
    """

    def __init__(
        self,
        connection: Client,
        *,
        timeout: float = 5.0,
        opened: asyncio.Event | None = None,
        dead_letters: DeadLetterWriter | None = None,
        replicas: int = 1,
    ) -> None:
        super().__init__(connection, timeout=timeout, opened=opened)
        self._replicas = replicas
        self.dead_letters = dead_letters or DeadLetterWriter(self.publish)

    def with_timeout(self, timeout: float) -> "JetStream":
        """A client with another timeout."""
        return JetStream(
            self.connection,
            timeout=timeout,
            opened=self._opened,
            dead_letters=self.dead_letters,
            replicas=self._replicas,
        )

    async def api(self, name: str, body: Any = None) -> dict[str, Any]:
        """
        One call of the JetStream API, as `STREAM.INFO.EVENTS`.

        Raises:
            ApiError: The server rejected the call.
            Unavailable: The server did not reply.
        """
        data = json.dumps(body).encode() if body is not None else b""
        async with self.calling():
            reply = await self.connection.request(f"$JS.API.{name}", data, timeout=self.timeout)
        content: dict[str, Any] = json.loads(reply.data)
        if "error" in content:
            raise _translated(ApiError(content["error"]))
        return content

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        """
        Store one message; try again until the server replies. Returns its sequence.

        Only for messages that may be stored twice, or whose headers make sure that they are not.

        Raises:
            ApiError: The server rejected the call.
            QueueFull: The stream is full.
            BodyTooLarge: The data does not fit into a message.
            Unavailable: The server did not confirm; the message may or may not be stored.
        """
        async with self.calling():
            self.check_size(data, headers)
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
        self, stream: str, subject: str, data: bytes, headers: dict[str, str], *, expected_last: int
    ) -> int:
        """
        Compare and append: store the message if the last of its subject is number `expected_last`.

        `headers["ce-id"]` must be the message's own: when an acknowledgement was lost, the message
        is found again by it. Returns its sequence.

        Raises:
            Conflict: Another message came after number `expected_last`.
            QueueFull, BodyTooLarge, Unavailable: As for `publish`.
        """
        compared = {**headers, "Nats-Expected-Last-Subject-Sequence": str(expected_last)}
        try:
            return await self.publish(subject, data, compared)
        except ApiError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE:
                raise
        first = await self.next(stream, subject, expected_last + 1)
        if first and first.headers.get("ce-id") == headers["ce-id"]:
            return first.sequence
        raise Conflict(subject)

    def check_size(self, data: bytes, headers: dict[str, str]) -> None:
        """
        nats-py does not count headers; the server does, and ends the connection for good.

        Raises:
            MaxPayloadError: The message does not fit; `calling` makes it `BodyTooLarge`.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if len(f"NATS/1.0\r\n{lines}\r\n".encode()) + len(data) > self.connection.max_payload:
            raise nats.errors.MaxPayloadError

    async def last(self, stream: str, subject: str) -> Stored | None:
        """The last message of a subject, which may have wildcards."""
        return await self._get(stream, {"last_by_subj": subject})

    async def at(self, stream: str, sequence: int) -> Stored | None:
        """The message of a sequence; None if it was deleted."""
        return await self._get(stream, {"seq": sequence})

    async def next(self, stream: str, subject: str, sequence: int) -> Stored | None:
        """The first message of a subject at or after a sequence."""
        return await self._get(stream, {"seq": sequence, "next_by_subj": subject})

    def begin_last(self, stream: str, subject: str) -> BegunRead | None:
        """
        Ask for the last message of a subject now, once. None where that cannot be sent at once.
        """
        if not isinstance(self.connection, RequestClient) or (
            self._opened and not self._opened.is_set()
        ):
            return None
        call, read = self._reading(stream)
        query = json.dumps({"last_by_subj": subject}).encode()
        reply = self.connection.begin_request(call, query, _BEGUN_WITHIN)
        return BegunRead(reply, read) if reply else None

    async def _get(self, stream: str, query: dict[str, Any]) -> Stored | None:
        data = json.dumps(query).encode()
        call, read = self._reading(stream)
        async with self.calling():
            while True:
                try:
                    reply = await self.connection.request(call, data, timeout=self.timeout / 2)
                except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                    await asyncio.sleep(_RETRY_DELAY)
                    continue
                return read(reply)

    def _reading(self, stream: str) -> tuple[str, Callable[[Msg], Stored | None]]:
        """The subject on which single messages are asked for, and what reads the reply."""
        if self._replicas > 1:
            return f"$JS.API.STREAM.MSG.GET.{stream}", stored_at_leader
        return f"$JS.API.DIRECT.GET.{stream}", stored_message

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
            Unavailable: The server does not respond.
        """
        query = {"seq": sequence, "batch": size, "max_bytes": most, "next_by_subj": subject}
        return await self._read_many(stream, query)

    async def read_lasts(self, stream: str, subjects: Sequence[str]) -> list[Stored]:
        """
        The last message of each subject that has one, of at most 1,024; from the leader, as `last`.

        Raises:
            Unavailable: The server does not respond.
        """
        if self._replicas > 1 or len(subjects) == 1:
            lasts = await asyncio.gather(*(self.last(stream, subject) for subject in subjects))
            return [each for each in lasts if each]
        messages, _ = await self._read_many(stream, {"multi_last": list(subjects)})
        return messages

    async def read_lasts_since(
        self, stream: str, subjects: Sequence[str], sequence: int
    ) -> list[Stored]:
        """
        Those of the last messages of up to 1,024 subjects that are at or after a sequence, in order; from any copy,
        which may lag behind. Raises Unavailable.
        """
        found: list[Stored] = []
        more = len(subjects)
        while more:
            query = {"multi_last": list(subjects), "seq": sequence}
            messages, more = await self._read_many(stream, query)
            if not messages:
                break
            found += messages
            sequence = messages[-1].sequence + 1
        return found

    async def _read_many(self, stream: str, query: dict[str, Any]) -> tuple[list[Stored], int]:
        messages: list[Stored] = []
        more: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def collect(reply: Msg) -> None:
            status = (reply.headers or {}).get("Status")
            if not status:
                stored = stored_message(reply)
                assert stored
                messages.append(stored)
            elif not more.done():
                more.set_result(messages_left(status, reply.headers or {}))

        inbox = self.connection.new_inbox()
        async with self.calling():
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

    async def read_acknowledged(
        self, stream: str, subject: str, sequence: int = 1
    ) -> AsyncIterator[Stored]:
        """
        The same, with all that was acknowledged before: for callers that do not read it again.

        Raises:
            Unavailable: The server lags behind the leader, or does not respond.
        """
        newest = await self.last(stream, subject) if self._replicas > 1 else None
        read_to = sequence - 1
        async for message in self.read_all(stream, subject, sequence):
            yield message
            read_to = message.sequence
        if newest and newest.sequence > read_to:
            raise Unavailable(f"the server that was asked for {stream} lags behind its leader")


def _sequence(content: dict[str, Any]) -> int:
    if "error" not in content:
        return int(content["seq"])
    error = ApiError(content["error"])
    if error.err_code in NO_ROOM:
        raise QueueFull(f"the stream is full: {error}", retry_after=30)
    raise _translated(error)


def _translated(error: ApiError) -> Exception:
    return (
        Unavailable(f"the cluster is not ready: {error}") if error.err_code in NO_LEADER else error
    )
