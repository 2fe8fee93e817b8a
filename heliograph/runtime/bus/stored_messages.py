"""Messages as they stand in a stream, read from direct gets."""

from dataclasses import dataclass

from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable

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


def messages_left(status: str, headers: dict[str, str]) -> int:
    """How many messages a batch left behind; -1 when the server gave up."""
    if status == "204":
        return int(headers.get("Nats-Num-Pending", 0))
    return 0 if status == "404" else -1
