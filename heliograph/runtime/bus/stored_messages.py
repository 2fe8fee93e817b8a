"""Messages as they stand in a stream: read from direct gets, and from the leader of the stream."""

import json
from base64 import b64decode
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.jetstream_errors import NOT_FOUND

_OVERHEAD = 46  #: bytes that the server adds to a message with headers


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


def stored_message(reply: Msg) -> Stored | None:
    headers = reply.headers or {}
    status = headers.get("Status")
    if status == "404":
        return None
    if status:
        raise Unavailable(f"direct get answered {status} {headers.get('Description', '')}")
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, reply.data)


def stored_at_leader(reply: Msg) -> Stored | None:
    """
    Reply to `STREAM.MSG.GET`.

    Raises:
        Unavailable: The stream has no leader at the moment.
    """
    content = json.loads(reply.data)
    if "error" in content:
        if content["error"].get("code") == NOT_FOUND:
            return None
        raise Unavailable(f"the leader of a stream does not answer: {content['error']}")
    message = content["message"]
    _, _, lines = b64decode(message.get("hdrs", "")).partition(b"\r\n")
    headers = dict(BytesHeaderParser().parsebytes(lines).items())
    headers["Nats-Time-Stamp"] = message["time"]
    data = b64decode(message.get("data", ""))
    return Stored(message["subject"], int(message["seq"]), headers, data)


def messages_left(status: str, headers: dict[str, str]) -> int:
    """Number of messages that a batch left unread; -1 if the server gave up."""
    if status == "204":
        return int(headers.get("Nats-Num-Pending", 0))
    return 0 if status == "404" else -1
