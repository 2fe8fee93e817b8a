"""Times of job events, by the clock of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import event_name
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream

STAMP = "Nats-Time-Stamp"

Timelines = dict[str, dict[str, float]]  #: job -> name of the event -> seconds since the epoch


async def timelines(jetstream: JetStream, project: str) -> Timelines:
    """Every event of a project's jobs, when the server stored it."""
    result: Timelines = {}
    async for stored in jetstream.read_all(STREAM, subjects.event(project, "*")):
        job = subjects.parse(stored.subject).job
        name = event_name(stored.headers["ce-type"])
        result.setdefault(job, {})[name] = seconds(stored.headers[STAMP])
    return result


@asynccontextmanager
async def queue_heard(jetstream: JetStream) -> AsyncIterator[dict[str, float]]:
    """When each job was put on the queue while the block runs."""
    heard: dict[str, float] = {}

    async def hear(message: Msg) -> None:
        job = subjects.parse(message.subject).job
        heard[job] = seconds((message.headers or {})[STAMP])

    subscription = await jetstream.connection.subscribe(subjects.QUEUED, cb=hear)
    await jetstream.connection.flush()
    try:
        yield heard
    finally:
        await subscription.unsubscribe()


def seconds(stamp: str) -> float:
    """Of an RFC 3339 time, whose nanoseconds are cut to microseconds."""
    return datetime.fromisoformat(stamp).timestamp()
