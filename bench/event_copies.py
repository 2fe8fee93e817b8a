"""Events as messages, and copies of one that cost next to nothing."""

import re
import secrets
from typing import NamedTuple

from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.records import Record


class Message(NamedTuple):
    """An event as it is published."""

    subject: str
    headers: dict[str, str]
    data: bytes


class Template:
    """A finished job whose copies differ in project, ids and digest, and cost next to nothing."""

    def __init__(self, event: EventEnvelope) -> None:
        assert isinstance(event.body, Record)
        self._headers = event.headers()
        digests = [asset.sha256 for asset in event.body.assets]
        parts = [f'"project":"{event.body.project}"', _ulid(event.body.id), *digests]
        self._pieces = _split(event.data().decode(), parts)

    def copy(self, project: str) -> Message:
        """The same of another job."""
        job, digest = new_job_id(), secrets.token_hex(32)
        others = (f'"project":"{project}"', _ulid(job), digest)
        data = "".join(each if isinstance(each, str) else others[each] for each in self._pieces)
        headers = {**self._headers, "ce-id": str(ULID()), "ce-subject": job}
        return Message(subjects.event(project, job), headers, data.encode())


def _ulid(job: str) -> str:
    return job.removeprefix("job_")


def _split(text: str, parts: list[str]) -> list[str | int]:
    """The text as pieces: between them stand numbers, of the parts that were there."""
    pieces: list[str | int] = []
    for piece in re.split(f"({'|'.join(map(re.escape, parts))})", text):
        pieces.append(parts.index(piece) if piece in parts else piece)
    return pieces


def message_of(event: EventEnvelope) -> Message:
    return Message(event.subject, event.headers(), event.data())
