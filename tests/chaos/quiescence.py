"""When a storm is over: everything has ended, and nothing is under way."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

import nats
from sqlalchemy.exc import SQLAlchemyError

from heliograph.contracts.errors import Unavailable, Unreadable
from heliograph.contracts.records import Record
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.work_queue import STREAM as WORK
from tests.chaos import external_checks
from tests.support.stack import Stack

_LOOK_AGAIN = 0.5  #: seconds


def by_job(log: Iterable[LogEntry]) -> dict[str, list[LogEntry]]:
    """The events of each job, in order."""
    jobs: dict[str, list[LogEntry]] = defaultdict(list)
    for each in log:
        jobs[each.body.id].append(each)
    return jobs


async def read_log(stack: Stack) -> list[LogEntry]:
    """Every event there is, in order."""
    client = await nats.connect(stack.bundled_nats)
    try:
        jetstream = JetStream(client)
        log = await _readable(jetstream)
    finally:
        await client.close()
    return log


async def _readable(jetstream: JetStream) -> list[LogEntry]:
    """Every event, without those that a fault has put there and nobody can read."""
    read, log = JetStreamEventLog(jetstream, "heliograph/test").read, []
    async for stored in jetstream.read_all(STREAM, "events.>"):
        with suppress(Unreadable):
            log.append(read(stored))
    return log


async def unfinished(stack: Stack) -> list[str]:
    """What is not at rest yet: jobs, messages, places. Raises Unavailable."""
    client = await nats.connect(stack.bundled_nats)
    try:
        jetstream = JetStream(client)
        work = [each.subject async for each in jetstream.read_all(WORK, ">")]
        if work:  # the log is long, and reading it again and again would hold up the proxies
            return [f"{subject} is under way" for subject in work]
        log = await _readable(jetstream)
        places = [each async for each in jetstream.read_all("KV_accounts", ">")]
    finally:
        await client.close()
    rest = [
        f"{job} hangs after {events[-1].event.name}"
        for job, events in by_job(log).items()
        if isinstance(events[-1].body, Record) and not events[-1].body.step.is_final
    ]
    held = {each.subject: json.loads(each.data or b"{}").get("holders") for each in places}
    last = max((each.sequence for each in log), default=0)
    if log and await external_checks.read_to(stack) < last:
        rest.append("SQL is behind the log")
    rest += [f"{subject} is held by {holders}" for subject, holders in held.items() if holders]
    return rest


async def until_quiet(stack: Stack, seconds: float) -> None:
    """Until every job has ended, no message is under way, and no place is taken."""
    rest = ["nobody answered"]
    try:
        async with asyncio.timeout(seconds):
            while rest:
                with suppress(Unavailable, nats.errors.Error, OSError, SQLAlchemyError):
                    rest = await unfinished(stack)
                await asyncio.sleep(_LOOK_AGAIN)
    except TimeoutError:
        raise AssertionError(f"after {seconds:g} s: {rest}") from None
