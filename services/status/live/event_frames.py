"""Event frames: events of the log, and what clients get of them once that is rendered."""

import asyncio
from dataclasses import dataclass

from heliograph.contracts import subjects
from heliograph.runtime.bus.stored_messages import Stored


@dataclass(eq=False)
class Frame:
    """One event, and its rendered frame once a client needs it."""

    sequence: int
    type: str
    project: str
    job: str
    data: bytes
    size: int  #: bytes that it takes in the log
    showing: asyncio.Task[None] | None = None
    text: str = ""  #: the job as JSON; empty if the event has no job
    expires_at: float = float("-inf")  #: by the clock of the loop; then it has to be made anew

    def stored(self) -> Stored:
        """The message in the log, as far as it matters to readers."""
        subject = subjects.event(self.project, self.job)
        return Stored(subject, self.sequence, {"ce-type": self.type}, self.data, self.size)


def frame_of(sequence: int, subject: str, headers: dict[str, str], data: bytes) -> Frame:
    project, job = subjects.parse(subject)
    size = Stored(subject, sequence, headers, data).size
    return Frame(sequence, headers.get("ce-type", ""), project, job, data, size)
