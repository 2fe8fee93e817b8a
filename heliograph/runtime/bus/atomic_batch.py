"""
Atomic batches (NATS ADR-50): messages that are compared, and stored together or not at all.

The server takes at most 1,000 messages a batch and 50 open batches a stream, and forgets one that is
not committed within 10 seconds. Only the commit has a reply.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import WRONG_LAST_SEQUENCE, ApiError
from heliograph.runtime.crash_points import crash_point

_COMMIT_TIMEOUT = 2.5  #: seconds for the reply to a commit


@dataclass(frozen=True, kw_only=True)
class ComparedMessage:
    """A message that is stored only if the last one of its subject is the expected one."""

    subject: str
    data: bytes
    headers: dict[str, str]
    #: sequence of the last message of its subject; 0: the subject has none; None: any
    expected_last: int | None = 0

    @property
    def size(self) -> int:
        """Bytes of its data, which are most of it."""
        return len(self.data)


async def store_batch(jetstream: JetStream, messages: Sequence[ComparedMessage]) -> int:
    """
    Store all messages, or none. Returns the sequence of the first; the others follow without a gap.

    Raises:
        Conflict: The last message of a subject has changed. No message is stored.
        ApiError: The server rejects the batch for another reason. No message is stored.
        BodyTooLarge: A message is too large. No message is stored.
        Unavailable: The server did not confirm; either all messages are stored or none.
    """
    batch, last = secrets.token_hex(11), len(messages)
    async with jetstream.calling(_COMMIT_TIMEOUT):
        for number, each in enumerate(messages[:-1], 1):
            headers = _headers(each, batch, number)
            jetstream.check_size(each.data, headers)
            await jetstream.connection.publish(each.subject, each.data, headers=headers)
        crash_point("accept.staged")
        headers = {**_headers(messages[-1], batch, last), "Nats-Batch-Commit": "1"}
        jetstream.check_size(messages[-1].data, headers)
        reply = await jetstream.connection.request(
            messages[-1].subject, messages[-1].data, timeout=_COMMIT_TIMEOUT, headers=headers
        )
    crash_point("accept.committed")
    return _first_sequence(json.loads(reply.data), last)


def _headers(message: ComparedMessage, batch: str, number: int) -> dict[str, str]:
    place = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
    if message.expected_last is None:
        return {**message.headers, **place}
    compared = {"Nats-Expected-Last-Subject-Sequence": str(message.expected_last)}
    return {**message.headers, **compared, **place}


def _first_sequence(reply: dict[str, Any], count: int) -> int:
    if "error" in reply:
        error = ApiError(reply["error"])
        raise Conflict(str(error)) if error.err_code in WRONG_LAST_SEQUENCE else error
    return int(reply["seq"]) - count + 1
