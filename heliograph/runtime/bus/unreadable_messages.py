"""Dead letters: messages that could not be read, listed and removed by operators."""

from dataclasses import dataclass
from typing import Any

from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import read_body
from heliograph.contracts.errors import NotFound, StateConflict, Unreadable
from heliograph.contracts.kv_entries import read_entry
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.dead_letters import REASON, SUBJECT
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import NOT_FOUND, ApiError
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.work_queue import read_queued

LISTED = 50  #: dead letters that are looked at, the oldest first
_BUCKET = "KV_"
_DEAD = "DEAD"


@dataclass(frozen=True)
class DeadLetter:
    """A message that cannot be read, where it stands."""

    stream: str
    sequence: int
    subject: str
    reason: str
    data: bytes

    @classmethod
    def of(cls, stored: Stored) -> "DeadLetter":
        stream, sequence = subjects.unreadable_of(stored.subject)
        subject, reason = stored.headers.get(SUBJECT, ""), stored.headers.get(REASON, "")
        return cls(stream, sequence, subject, reason, stored.data)

    def description(self) -> dict[str, Any]:
        """The message as shown to operators."""
        description = {"stream": self.stream, "sequence": self.sequence, "subject": self.subject}
        return {**description, "reason": self.reason}

    @property
    def bucket(self) -> str | None:
        """Name of the bucket, if the message is one of its entries, else None."""
        return self.stream.removeprefix(_BUCKET) if self.stream.startswith(_BUCKET) else None


async def dead_letters(jetstream: JetStream, *, limit: int = LISTED) -> list[DeadLetter]:
    """Messages that some process could not read. Raises Unavailable."""
    stored, _ = await jetstream.read_batch(_DEAD, subjects.UNREADABLE, 1, size=limit)
    return [DeadLetter.of(each) for each in stored]


async def remove_unreadable(jetstream: JetStream, stream: str, sequence: int) -> DeadLetter:
    """
    Remove a message that cannot be read. Returns what it was.

    Raises:
        NotFound: The message does not exist, or can be read.
        StateConflict: The message is an event; events are never removed.
        Unavailable: The server does not respond; try again.
    """
    if stream == "EVENTS":
        raise StateConflict("events are never removed; upgrade to a release that can read this one")
    stored = await jetstream.last(_DEAD, subjects.unreadable(stream, sequence))
    if stored is None:
        raise NotFound(f"{stream} has no unreadable message {sequence}")
    letter = DeadLetter.of(stored)
    if letter.bucket:
        await _empty(jetstream, letter)
    else:
        await _delete(jetstream, letter)
    await delete_dead_letter(jetstream, letter)
    return letter


async def _empty(jetstream: JetStream, letter: DeadLetter) -> None:
    """Delete a key, unless its entry has changed."""
    headers = {"ce-id": str(ULID()), "KV-Operation": "DEL"}
    try:
        await jetstream.append(
            letter.stream, letter.subject, b"", headers, expected_last=letter.sequence
        )
    except Conflict:
        return


async def _delete(jetstream: JetStream, letter: DeadLetter) -> None:
    try:
        await jetstream.api(f"STREAM.MSG.DELETE.{letter.stream}", {"seq": letter.sequence})
    except ApiError as error:
        if error.code != NOT_FOUND and not await _is_gone(jetstream, letter):
            raise


async def _is_gone(jetstream: JetStream, letter: DeadLetter) -> bool:
    latest = await jetstream.last(letter.stream, letter.subject)
    return latest is None or latest.sequence != letter.sequence


async def delete_dead_letter(jetstream: JetStream, letter: DeadLetter) -> None:
    """Delete a dead letter; its message stays."""
    subject = subjects.unreadable(letter.stream, letter.sequence)
    await jetstream.api(f"STREAM.PURGE.{_DEAD}", {"filter": subject})


async def readable_again(jetstream: JetStream) -> tuple[list[DeadLetter], list[Stored]]:
    """
    Dead letters to be deleted: their messages are gone, or can be read by this release. And the events
    among those messages, which the reader that skipped them applies first. Raises Unavailable.
    """
    letters, events = [], []
    for letter in await dead_letters(jetstream):
        latest = await jetstream.last(letter.stream, letter.subject)
        if latest and latest.sequence == letter.sequence:
            if not is_readable(letter, latest):
                continue
            if letter.stream == "EVENTS":
                events.append(latest)
        letters.append(letter)
    return letters, events


def is_readable(letter: DeadLetter, stored: Stored) -> bool:
    """Whether this release can read what another process could not."""
    try:
        if letter.bucket:
            read_entry(letter.bucket, stored.data)
        elif letter.stream == "EVENTS":
            read_body(stored.subject, stored.headers, stored.data)
        elif letter.stream == "WORK":
            read_queued(stored.subject, stored.headers, stored.data)
        else:
            return False
    except Unreadable:
        return False
    return True
