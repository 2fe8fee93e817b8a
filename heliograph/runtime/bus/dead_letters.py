"""
Dead letters (the stream DEAD is our dead-letter queue, DLQ): messages that this release cannot read.

Each is noted once for the operator, counted, and skipped, so that it stops only the job, the project or
the account that it is about. Dead letters of poison jobs are written by `poison.fail_as_poison`.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from cachetools import FIFOCache
from nats.aio.msg import Msg
from prometheus_client import Counter

from heliograph.contracts import subjects
from heliograph.contracts.errors import BodyTooLarge, HeliographError, ServiceError, Unreadable
from heliograph.runtime.bus.jetstream_errors import WRONG_LAST_SEQUENCE, ApiError

log = structlog.get_logger()

SUBJECT, REASON = "Heliograph-Subject", "Heliograph-Reason"  #: headers of a dead letter

_MAX_NOTED_BYTES = 4_096  #: bytes of what is too large to be noted whole
_REMEMBERED = 10_000  #: messages that this process has noted
_BUS = "bus"  #: what no stream has

_UNREADABLE = Counter(
    "heliograph_unreadable_messages", "Messages that could not be read and were skipped", ["stream"]
)

for _stream in ("EVENTS", "WORK", "REQUESTS", _BUS):
    _UNREADABLE.labels(_stream)  # shown from the start: Prometheus does not see a rise from nothing

Publish = Callable[[str, bytes, dict[str, str]], Awaitable[object]]
Callback = Callable[[Msg], Awaitable[None]]


class DeadLetterWriter:
    """Writes the dead letters of one process; `publish` stores them in DEAD."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._noted: FIFOCache[tuple[str, int], bool] = FIFOCache(_REMEMBERED)
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, stream: str, sequence: int, subject: str, data: bytes, reason: str) -> None:
        """Note that a stored message cannot be read. Idempotent."""
        message = (stream, sequence)
        if message in self._noted:
            return
        self._noted[message] = True
        _UNREADABLE.labels(stream).inc()
        log.error(
            "Unreadable message",
            stream=stream,
            sequence=sequence,
            subject=subject,
            reason=reason,
        )
        headers = {SUBJECT: subject, REASON: _one_line(reason)}
        task = asyncio.create_task(self._write(message, data, headers))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, message: tuple[str, int], data: bytes, headers: dict[str, str]) -> None:
        subject = subjects.unreadable(*message)
        once = {**headers, "Nats-Expected-Last-Subject-Sequence": "0"}
        try:
            try:
                await self._publish(subject, data, once)
            except BodyTooLarge:
                await self._publish(subject, data[:_MAX_NOTED_BYTES], once)
        except (ServiceError, ApiError) as error:
            if isinstance(error, ApiError) and error.err_code in WRONG_LAST_SEQUENCE:
                log.debug("Dead letter already written", reason=str(error))
                return
            self._noted.pop(message, None)  # the next reader notes it
            log.warning("Dead letter not written", reason=str(error))

    def guarded_callback(self, callback: Callback) -> Callback:
        """A callback that skips unreadable messages, and separates our errors from the server's."""

        async def guarded(message: Msg) -> None:
            try:
                await callback(message)
            except Unreadable as error:
                self.skip(message.subject, str(error))
            except HeliographError as error:
                log.warning("Command failed", subject=message.subject, reason=str(error))
            except ValueError as error:
                self.skip(message.subject, str(Unreadable.because(error)))
            except Exception:
                log.exception("Message handler failed", subject=message.subject)

        return guarded

    def skip(self, subject: str, reason: str) -> None:
        """Count and log a message that cannot be read and that no stream keeps."""
        _UNREADABLE.labels(_BUS).inc()
        log.warning("Unreadable message skipped", subject=subject, reason=_one_line(reason))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1_000]
