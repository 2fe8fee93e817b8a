"""What the clients of a storm wrote down: what they asked, what they were told, what they saw."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import Frame, Watcher, watching

#: seconds for one answer of a process that may be frozen; a project's first budget takes five
ANSWER_TIMEOUT = 20.0
_PAUSE = 0.2  #: seconds before a request that failed is sent again, with the same key


@dataclass
class SentRequest:
    """One request, and its response."""

    project: str
    key: str
    body: dict[str, Any]
    job: str | None = None  #: of the 202 or 200
    deduplicated: bool = False
    refusal: str | None = None  #: code of the 4xx that answered it
    tries: int = 0


@dataclass
class Seen:
    """What one live client saw between two snapshots: events, each once, in order."""

    project: str
    after: int  #: sequence of the snapshot
    newer: dict[str, int] = field(default_factory=dict)  #: jobs that it showed later than that
    sequences: list[int] = field(default_factory=list)


class Signal(NamedTuple):
    """What a process was hit by, from when to when. Times are of the wall clock, in seconds."""

    process: str
    sort: Literal["kill", "freeze", "restart"]
    began: float
    ended: float  #: a restart's: when the next process was there


@dataclass
class Journal:
    """Everything, by everybody."""

    requests: list[SentRequest] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    reconnects: int = 0
    faults: list[str] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


async def submit(stack: Stack, request: SentRequest) -> None:
    """Send a request until somebody answers it; the same key makes that one request."""
    path = f"/v1/projects/{request.project}/jobs"
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http, asyncio.timeout(TIMEOUT):
        while True:
            gateway = stack.gateways[request.tries % len(stack.gateways)]
            request.tries += 1
            try:
                response = await http.post(
                    gateway + path, json=request.body, headers={"Idempotency-Key": request.key}
                )
            except httpx.TransportError:
                await asyncio.sleep(_PAUSE)
                continue
            if response.status_code in (200, 202):
                request.job = response.json()["id"]
                request.deduplicated = response.json()["deduplicated"]
                return
            if response.status_code < 500:
                request.refusal = response.json()["code"]
                return
            await asyncio.sleep(_PAUSE)


async def cancel(stack: Stack, job: str) -> None:
    """Ask once; whether it was heard, the log says."""
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http:
        try:
            await http.post(f"{stack.gateways[-1]}/v1/jobs/{job}/cancel", json={})
        except httpx.TransportError:
            return


async def watch(stack: Stack, project: str, journal: Journal, rng: random.Random) -> None:
    """Follow a project for ever, leaving and coming back at random."""
    cursor: dict[str, Any] | None = None
    while True:
        subscribe = {"project": project, **({"after": cursor} if cursor else {})}
        try:
            async with watching(stack.live, **subscribe) as watcher:
                cursor = await _follow(watcher, project, cursor, journal, rng.uniform(0.3, 4.0))
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
            pass
        journal.reconnects += 1
        await asyncio.sleep(rng.choice([0.0, 0.1, 0.5, 1.5]))


def _newer(snapshot: Frame) -> dict[str, int]:
    """Jobs that a page shows later than the sequence of its snapshot, and until when."""
    jobs = {job["id"]: job["sequence"] for job in snapshot["jobs"]}
    return {job: at for job, at in jobs.items() if at > snapshot["sequence"]}


async def _follow(
    watcher: Watcher,
    project: str,
    cursor: dict[str, Any] | None,
    journal: Journal,
    seconds: float,
) -> dict[str, Any] | None:
    epoch, newer = "", dict[str, int]()
    end = asyncio.get_running_loop().time() + seconds
    current = next((s for s in reversed(journal.seen) if s.project == project), None)
    try:
        async with asyncio.timeout_at(end):
            while True:
                frame = await watcher.next()
                match frame["op"]:
                    case "subscribed":
                        epoch = frame["epoch"]
                        newer = dict[str, int]()
                        if not frame["recovered"]:
                            current, cursor = None, None
                    case "snapshot":
                        newer |= _newer(frame)
                        if not frame["more"]:
                            current = Seen(project, frame["sequence"], newer)
                            journal.seen.append(current)
                            cursor = {"epoch": epoch, "sequence": frame["sequence"]}
                    case "event" if current is not None:
                        current.sequences.append(frame["sequence"])
                        cursor = {"epoch": epoch, "sequence": frame["sequence"]}
    except (TimeoutError, ConnectionClosed):
        return cursor
