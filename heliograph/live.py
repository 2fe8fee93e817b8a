"""Following jobs over the live connection: every event once, in order, whatever breaks in between."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from heliograph.contracts.live import SUBPROTOCOL
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries import ProgressReport
from heliograph.contracts.records import Job
from heliograph.failures import Refused

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  #: seconds before a lost connection is opened again


@dataclass(frozen=True)
class Cursor:
    """The last event a follower has seen, and of which history."""

    epoch: str
    sequence: int


@dataclass(frozen=True)
class LiveEvent:
    """
    Something that happened to a job, or (`snapshot`) how it stood when the following began.

    `cursor` is where to go on from another time; it is null for progress, which is no event.
    """

    kind: Literal["snapshot", "event", "progress"]
    about: str  #: id of the job
    job: Job | None = None  #: as it now stands; null for progress
    type: str | None = None  #: of an event, as `heliograph.job.started.v1`
    report: ProgressReport | None = None  #: of progress
    cursor: Cursor | None = None


@asynccontextmanager
async def following(
    address: str, project: str, jobs: Sequence[str] = (), after: Cursor | None = None
) -> AsyncIterator[AsyncIterator[LiveEvent]]:
    """
    What happens to some jobs, or to all of a project, for as long as the block runs.

    A snapshot comes first, or what was missed since `after`. A connection that breaks is opened again
    and taken up where it broke off, and so is one that cannot be served right now. Reading the events
    raises Refused when the service refuses for good.
    """
    async with aclosing(_follow(address, project, jobs, after)) as events:
        yield events


async def _follow(
    address: str, project: str, jobs: Sequence[str], after: Cursor | None
) -> AsyncGenerator[LiveEvent]:
    pause = _FIRST_PAUSE
    shown = _Shown()
    while True:
        try:
            protocols = [Subprotocol(SUBPROTOCOL)]
            async with connect(address, subprotocols=protocols, max_size=None) as socket:
                await socket.send(json.dumps(_subscribe(project, jobs, after)))
                async with aclosing(_read(socket)) as events:
                    async for event in events:
                        pause = _FIRST_PAUSE
                        after = event.cursor or after
                        if shown.is_news(event):
                            yield event
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
            pass
        except Refused as error:
            if not error.problem.retryable:
                raise
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311  # spreads load
        pause = min(2 * pause, _LONGEST_PAUSE)


class _Shown:
    """
    Jobs that a snapshot showed later than the sequence it is of: its pages are read one by one.

    A client that comes back to that sequence is sent events once more that were in the snapshot.
    """

    def __init__(self) -> None:
        self._sequences: dict[str, int] = {}

    def is_news(self, event: LiveEvent) -> bool:
        if event.kind == "snapshot" and event.job:
            self._sequences[event.about] = event.job.sequence or 0
        if event.kind != "event" or event.cursor is None:
            return True
        if event.cursor.sequence <= self._sequences.get(event.about, 0):
            return False
        self._sequences.pop(event.about, None)
        return True


def _subscribe(project: str, jobs: Sequence[str], after: Cursor | None) -> dict[str, Any]:
    frame: dict[str, Any] = {"op": "subscribe", "id": 1, "project": project}
    if jobs:
        frame["jobs"] = list(jobs)
    if after:
        frame["after"] = {"epoch": after.epoch, "sequence": after.sequence}
    return frame


async def _read(socket: ClientConnection) -> AsyncGenerator[LiveEvent]:
    epoch = ""
    async for text in socket:
        frame = json.loads(text)
        if frame["op"] == "subscribed":
            epoch = frame["epoch"]
        for event in _events(frame, epoch):
            yield event


def _events(frame: dict[str, Any], epoch: str) -> Iterator[LiveEvent]:
    match frame["op"]:
        case "snapshot":
            jobs = [Job.model_validate(job) for job in frame["jobs"]]
            # only behind the last job of the last page is the snapshot complete
            complete = None if frame["more"] else Cursor(epoch, frame["sequence"])
            for number, job in enumerate(jobs, start=1):
                cursor = complete if number == len(jobs) else None
                yield LiveEvent("snapshot", job.id, job, cursor=cursor)
        case "event":
            job = Job.model_validate(frame["job"])
            cursor = Cursor(epoch, frame["sequence"])
            yield LiveEvent("event", job.id, job, frame["type"], cursor=cursor)
        case "progress":
            report = ProgressReport.model_validate(
                {name: frame[name] for name in ProgressReport.model_fields}
            )
            yield LiveEvent("progress", report.job, report=report)
        case "error":
            raise Refused(Problem.model_validate(frame["problem"]))
