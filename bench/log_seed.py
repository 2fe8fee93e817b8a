"""Writes jobs into the log directly: a year of them in a minute."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from bench.event_copies import Message, Template, message_of
from heliograph.contracts.assets import Asset
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import (
    Canceled,
    Rendered,
    Started,
    Submitted,
    Submitting,
    Succeeded,
)
from heliograph.contracts.outputs import Output
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.work_queue import JetStreamWorkQueue, ticket_for
from heliograph.runtime.clock import now
from tests.support.records import a_record

_BATCH = 200  #: events that the server stores in one step
_AT_ONCE = 64
_SOURCE = "heliograph/bench"
_PROJECT = "template"


class Seeder:
    """Makes jobs that nobody asked for, as the services would have left them."""

    def __init__(self, bus: JetStream) -> None:
        self._bus = bus

    async def canceled(self, project: str, count: int) -> None:
        """Jobs that ended just now, without assets: one event each, as fast as the server takes them."""
        await self._write(
            count, lambda: message_of(_event("canceled", apply(_job(project), Canceled(), now())))
        )

    async def succeeded(self, projects: list[str], count: int, *, ago: timedelta) -> None:
        """Jobs that ended long ago; of such, the log keeps the last event."""
        turns = _turns(projects)
        at = now() - ago
        template = Template(_event("succeeded", _done(_job(_PROJECT), at), at))
        await self._write(count, lambda: template.copy(next(turns)))

    async def queued(self, projects: list[str], seconds: Sequence[float]) -> None:
        """Jobs that wait for their turn, in this order; each renders for so long."""
        turns, lengths = _turns(projects), iter(seconds)
        made: list[Record] = []

        def accepted() -> Message:
            made.append(_job(next(turns), next(lengths)))
            return message_of(_event("accepted", made[-1]))

        await self._write(len(seconds), accepted)
        work = JetStreamWorkQueue(self._bus)
        for start in range(0, len(made), _AT_ONCE):
            some = made[start : start + _AT_ONCE]
            await asyncio.gather(*(work.enqueue(ticket_for(record)) for record in some))

    async def _write(self, count: int, message: Callable[[], Message]) -> None:
        for start in range(0, count, _BATCH):
            await self._write_batch([message() for _ in range(min(_BATCH, count - start))])

    async def _write_batch(self, messages: list[Message]) -> None:
        """All of them or none, with one wait for the disk (NATS ADR-50)."""
        batch = {"Nats-Batch-Id": secrets.token_hex(8)}
        *others, last = messages
        for number, each in enumerate(others, start=1):
            headers = {**each.headers, **batch, "Nats-Batch-Sequence": str(number)}
            await self._bus.connection.publish(each.subject, each.data, headers=headers)
        headers = {**last.headers, **batch, "Nats-Batch-Sequence": str(len(messages))}
        headers["Nats-Batch-Commit"] = "1"
        reply = await self._bus.connection.request(
            last.subject, last.data, timeout=30, headers=headers
        )
        result = json.loads(reply.data)
        if "error" in result:
            raise RuntimeError(f"the server refused a batch: {result['error']}")


def _turns(projects: list[str]) -> Iterator[str]:
    while True:
        yield from projects


def _job(project: str, seconds: float = 0) -> Record:
    parameters = {"seconds": seconds, "num_scenes": 1, "steps": 1}
    return a_record(project=project, kind="scenes", parameters=parameters)


def _event(name: str, record: Record, at: datetime | None = None) -> EventEnvelope:
    return EventEnvelope.of(name, record, at or now(), _SOURCE)


def _done(record: Record, at: datetime) -> Record:
    """The job with everything that happens to one."""
    asset = Asset(
        id=asset_id(record.id, 0),
        index=0,
        media_type="application/json",
        bytes=1_000,
        sha256=secrets.token_hex(32),
    )
    intent = Submitting(run=1, endpoint="text", prompt=record.prompt, arguments={}, references=[])
    facts = [
        Started(run=1),
        intent,
        Submitted(run=1, request_id=f"sim_{record.id}_1"),
        Rendered(run=1, outputs=[Output(url="http://127.0.0.1/sim/0")]),
        Succeeded(assets=[asset]),
    ]
    for fact in facts:
        record = apply(record, fact, at)
    return record
