"""
Continuous pull: a subscriber of FastStream that keeps one request for many messages open.

FastStream's own subscribers fetch one message at a time, and take each through queues, context scopes,
middlewares and filters. None of that is used here, and it takes more processor time than a handler.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import structlog
from faststream import AckPolicy
from faststream._internal.endpoint.subscriber.call_item import CallsCollection
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.subscriber.config import (
    NatsSubscriberConfig,
    NatsSubscriberSpecificationConfig,
)
from faststream.nats.subscriber.specification import NatsSubscriberSpecification
from faststream.nats.subscriber.usecases import PullStreamSubscriber
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import ConsumerConfig

from heliograph.runtime.background import stop
from heliograph.runtime.bus.heartbeats import Heartbeats

log = structlog.get_logger()

#: Acknowledges the message itself, whatever happens.
MessageHandler = Callable[[Msg], Awaitable[None]]

_BATCH = 256  #: messages of one request
_EXPIRES = 3.0  #: seconds of a request; one that a restart of the server swallowed ends with it
_LATE = 0.5  #: seconds that the server may take to say that a request has expired
_EXPIRED = "408"  #: status of a request that has expired
_PAUSE = 0.25  #: seconds after another status: the consumer is not there, or has no leader
_LEAVING = 1.0  #: seconds until the server knows that no more messages are wanted


class ContinuousPull(PullStreamSubscriber):
    """
    Handles the messages of a durable consumer, each in a task.

    Args:
        handle: Takes the message as nats-py has it.
        workers: Messages that are handled at once; no more are requested.
        heartbeat: Seconds between two heartbeats of a message in hand.
    """

    subscription: Subscription | None  # type: ignore[assignment]  # not of the library's own fetches

    def __init__(
        self,
        broker: NatsBroker,
        handle: MessageHandler,
        *,
        subject: str,
        stream: str,
        durable: str,
        workers: int,
        heartbeat: float,
    ) -> None:
        calls: CallsCollection[Msg] = CallsCollection()
        super().__init__(
            _config(broker, subject, durable),
            _specification(broker, subject, calls),
            calls,
            queue="",
            pull_sub=PullSub(batch_size=_BATCH, timeout=_EXPIRES),
            stream=JStream(stream, declare=False),
        )
        self._handle = handle
        self._durable = durable
        self._workers = workers
        self._heartbeat = heartbeat
        self._handling: set[asyncio.Task[None]] = set()
        self._request = ""  #: the inbox of the open request
        self._left = 0  #: messages that it may still bring
        self._refused = False  #: it ended with an error
        self._ended = asyncio.Event()
        self._freed = asyncio.Event()

    async def start(self) -> None:
        """Pull from now on. Raises what nats-py raises where there is no such consumer."""
        await self.jetstream.consumer_info(self.stream.name, self._durable)
        self._inbox = self.connection.new_inbox()
        self.subscription = await self.connection.subscribe(f"{self._inbox}.*", cb=self._on_message)
        self.running = True
        self.add_task(self._request_forever)

    async def leave(self) -> None:
        """Request no more, and give back what is on its way; what is in hand goes on."""
        self.running = False
        subscription, self.subscription = self.subscription, None
        if subscription is None:
            return
        draining = asyncio.create_task(_drain(subscription), name="drain")
        # not canceled: nats-py fails with the reply to a PING that nobody waits for any more
        await asyncio.wait({draining}, timeout=_LEAVING)

    async def stop(self) -> None:
        """Leave, wait for what is in hand as long as the broker's grace period, and cancel the rest."""
        await self.leave()
        if self._handling:
            await asyncio.wait(self._handling, timeout=self._outer_config.graceful_timeout)
        await stop(*self._handling)
        await super().stop()

    async def _request_forever(self) -> None:
        numbers = count()
        while self.running:
            if not self.connection.is_connected:
                await asyncio.sleep(_PAUSE)
            elif (room := self._workers - len(self._handling)) > 0:
                await self._request_once(f"{self._inbox}.{next(numbers)}", min(room, _BATCH))
            else:
                self._freed.clear()
                await self._freed.wait()

    async def _request_once(self, inbox: str, batch: int) -> None:
        """Request messages, and wait until that many came, or no more will."""
        self._request, self._left, self._refused = inbox, batch, False
        self._ended.clear()
        request = {"batch": batch, "expires": int(_EXPIRES * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream.name}.{self._durable}"
        with suppress(Error, ConnectionError, TimeoutError):
            await self.connection.publish(subject, json.dumps(request).encode(), reply=inbox)
            async with asyncio.timeout(_EXPIRES + _LATE):
                await self._ended.wait()
        if self._refused:
            await asyncio.sleep(_PAUSE)

    async def _on_message(self, message: Msg) -> None:
        if message.headers and (status := message.headers.get("Status")):
            self._on_status(message.subject, status)
        elif self.running:
            self._left -= 1
            if self._left <= 0:
                self._ended.set()
            task = asyncio.create_task(self._handle_one(message), name="message")
            self._handling.add(task)
            task.add_done_callback(self._forget)
        else:
            with suppress(Error, ConnectionError):
                await message.nak()

    def _on_status(self, request: str, status: str) -> None:
        """A request ended; an earlier one may end late."""
        if request == self._request:
            self._refused = status != _EXPIRED
            self._ended.set()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._freed.set()

    async def _handle_one(self, message: Msg) -> None:
        with Heartbeats(message, self._heartbeat):
            try:
                await self._handle(message)
            except Exception:
                log.exception("Message handler failed", subject=message.subject)


def _config(broker: NatsBroker, subject: str, durable: str) -> NatsSubscriberConfig:
    return NatsSubscriberConfig(
        subject=subject,
        sub_config=ConsumerConfig(durable_name=durable),
        no_reply=True,
        _outer_config=broker.config,  # type: ignore[arg-type]  # its type is wider there
        _ack_policy=AckPolicy.MANUAL,
    )


def _specification(
    broker: NatsBroker, subject: str, calls: CallsCollection[Msg]
) -> NatsSubscriberSpecification:
    about = NatsSubscriberSpecificationConfig(
        subject=subject, queue=None, title_=None, description_=None
    )
    return NatsSubscriberSpecification(
        _outer_config=broker.config,  # type: ignore[arg-type]  # its type is wider there
        calls=calls,
        specification_config=about,
    )


async def _drain(subscription: Subscription) -> None:
    with suppress(Error, ConnectionError, TimeoutError):
        await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py
