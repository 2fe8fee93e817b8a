"""
Delivery of a work message: log line, acknowledgement, redelivery, and the dead letter of a poison job.

A handler that returns is done: the message is acknowledged. One that raises gets the message again
after a second; the third time that ends in an unexpected error is the last, and the job is dead-lettered.
Crashes, drains, an `Unavailable` and a full stream are not unexpected: they never count. A job that
cannot be read is skipped.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import structlog
from cachetools import LRUCache
from nats.aio.msg import Msg
from nats.errors import Error
from prometheus_client import Histogram

from heliograph.contracts.errors import QueueFull, Unavailable, Unreadable
from heliograph.contracts.records import Record
from heliograph.contracts.subjects import JobRef, parse
from heliograph.runtime.clock import now
from heliograph.runtime.logs import job_fields

log = structlog.get_logger()

BUGS = 3  #: unexpected errors about one message, then its job is dead-lettered
DELIVERIES = 50  #: of one message; a bug that visits many processes ends here
RETRY_DELAY = 1.0  #: seconds
_REMEMBERED = 10_000  #: messages that had an unexpected error

_SECONDS = Histogram(
    "heliograph_message_seconds",
    "Seconds from the delivery of a message to its acknowledgement, by outcome",
    ["consumer", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)


class ShuttingDown(Exception):
    """The process is going away; another one goes on at once."""


class FailureCounter:
    """Unexpected errors of this process, by message. The server counts deliveries for any reason."""

    def __init__(self) -> None:
        self._counts: LRUCache[str, int] = LRUCache(_REMEMBERED)

    def count(self, delivery: "Delivery") -> bool:
        """Count another unexpected error of this message. True if it was the last allowed one."""
        message = f"{delivery.subject} {delivery.sequence}"
        count = self._counts.pop(message, 0) + 1
        if count >= BUGS or delivery.number >= DELIVERIES:
            return True
        self._counts[message] = count
        return False


class Delivery:
    """One delivery of a message about a job."""

    def __init__(self, message: Msg) -> None:
        self._raw = message
        self.about: JobRef = parse(message.subject)
        self.subject = message.subject
        self.sequence = message.metadata.sequence.stream
        self.number = message.metadata.num_delivered  #: 1 is the first

    @property
    def stored_at(self) -> datetime:
        """Time at which the message was stored, by the server's clock."""
        return self._raw.metadata.timestamp

    def is_sole(self, connected_at: datetime | None, ack_wait: float) -> bool:
        """
        Whether no other process can have had the message so far.

        The server gives it again when `ack_wait` seconds have passed, of which half are left to clocks
        that differ; when it is told to, which it counts; and when it crashed and has forgotten what it
        gave, which ends every connection. `connected_at` is when ours began.
        """
        is_connected = connected_at is not None and connected_at < self.stored_at
        is_fresh = (now() - self.stored_at).total_seconds() < ack_wait / 2
        return self.number == 1 and is_connected and is_fresh

    @property
    def headers(self) -> dict[str, str]:
        return self._raw.headers or {}


async def deliver(
    message: Msg,
    handle: Callable[[Delivery], Awaitable[Record | None]],
    dead_letter: Callable[[Delivery, Exception], Awaitable[None]],
    failures: FailureCounter,
) -> Record | None:
    """Run a handler on a message, and acknowledge or nak it by how that ends. Returns the handler's record."""
    delivery = Delivery(message)
    began = time.monotonic()
    record: Record | None = None
    try:
        record = await handle(delivery)
    except ShuttingDown:
        outcome = "handed_over"
        await _acknowledge(delivery._raw.nak())
    except Unreadable as error:
        # noted by its reader. The sweeper re-enqueues the job where it can be read
        outcome = "unreadable"
        log.warning("Message skipped", reason=str(error), subject=delivery.subject)
        await _acknowledge(delivery._raw.ack())
    except (Unavailable, QueueFull) as error:
        outcome = "unavailable"
        log.warning("Message redelivered later", reason=str(error), subject=delivery.subject)
        await _acknowledge(delivery._raw.nak(delay=RETRY_DELAY))
    except Exception as error:  # noqa: BLE001  # a bug in one job must not stop the others
        outcome = "error"
        await _unexpected(delivery, error, dead_letter, failures)
    else:
        outcome = "handled"
        await _acknowledge(delivery._raw.ack())
        _log_outcome(delivery, record, time.monotonic() - began)
    _SECONDS.labels(message.metadata.consumer, outcome).observe(time.monotonic() - began)
    return record


def _log_outcome(delivery: Delivery, record: Record | None, seconds: float) -> None:
    fields = {"subject": delivery.subject, "delivery": delivery.number}
    if record is None:
        log.warning("Message dropped: there is no such job", **fields)
    else:
        step = str(record.step)
        log.info(
            "Message handled", **job_fields(record), step=step, seconds=round(seconds, 3), **fields
        )


async def _unexpected(
    delivery: Delivery,
    error: Exception,
    dead_letter: Callable[[Delivery, Exception], Awaitable[None]],
    failures: FailureCounter,
) -> None:
    log.exception("Message handler failed", subject=delivery.subject, delivery=delivery.number)
    if not failures.count(delivery):
        await _acknowledge(delivery._raw.nak(delay=RETRY_DELAY))
        return
    try:
        await dead_letter(delivery, error)
    except Exception:
        log.exception("Job not dead-lettered", subject=delivery.subject)
        await _acknowledge(delivery._raw.nak(delay=RETRY_DELAY))
    else:
        await _acknowledge(delivery._raw.ack())


async def _acknowledge(acknowledgement: Awaitable[None]) -> None:
    """Acks may be lost, by design: the record decides, and a second delivery finds it."""
    with suppress(Error, ConnectionError):
        await acknowledgement
