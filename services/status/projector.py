"""Projector: folds the event log in order into the read model; one process, by leader election."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import structlog

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.contracts.subjects import parse
from heliograph.runtime.background import stop
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.unreadable_messages import delete_dead_letter, readable_again
from services.status.live.hub import Hub
from services.status.read_model import CursorConflict, ReadModel, Unstorable
from services.status.read_model.rows import Row

log = structlog.get_logger()

_BATCH = 512  #: events that are taken in at once
_REST = 8.0  #: of the time that a batch took: the longer, the more is in the next one
#: of that time while a batch or more is left: live clients are served meanwhile
_REST_BEHIND = 0.25
_MAX_REST = 0.25  #: seconds between two batches
_REPAIR_INTERVAL = 30.0  #: seconds between looks at what could not be read


class Projector:
    """Applies events in batches; the cursor moves in the same transaction."""

    def __init__(self, bus: NatsBus, hub: Hub, read_model: ReadModel) -> None:
        self._bus = bus
        self._hub = hub
        self._read_model = read_model

    async def run(self) -> None:
        """Wait for the lease, project until it is lost, and wait again."""
        while True:
            async with self._bus.leases.acquired("projector") as lost:
                projecting = asyncio.create_task(self._project())
                losing = asyncio.create_task(lost.wait())
                try:
                    await asyncio.wait({projecting, losing}, return_when="FIRST_COMPLETED")
                finally:  # also when the process is going away
                    await stop(projecting, losing)
                if not projecting.cancelled() and projecting.exception():
                    raise projecting.exception() or AssertionError

    async def _project(self) -> None:
        cursor = await self._read_model.open(self._bus.epoch)
        looked = float("-inf")
        while True:
            try:
                if time.monotonic() - looked > _REPAIR_INTERVAL:
                    looked = time.monotonic()
                    await self._apply_recovered(cursor)
                cursor = await self._go_on(cursor)
            except CursorConflict:
                log.warning("Projector cursor moved by another process")
                cursor = await self._read_model.open(self._bus.epoch)

    async def _go_on(self, cursor: int) -> int:
        """Take in what comes after the cursor, if there is anything. Returns where it stands then."""
        messages = await self._after(cursor)
        if not messages:
            await self._hub.wait_beyond(cursor)
            return cursor
        after, began = messages[-1].sequence, time.monotonic()
        read = self._rows(messages)
        others = _bytes_of_others(messages, read)
        try:
            await self._read_model.apply([row for row, _ in read], cursor, after, others=others)
        except Unstorable:
            await self._one_by_one(read, cursor, after, others)
        await asyncio.sleep(rest_after(time.monotonic() - began, self._hub.head - after))
        return after

    async def _after(self, cursor: int) -> list[Stored]:
        """The next events: from the hub's memory, or from the log."""
        messages = self._hub.buffered_after(cursor, _BATCH)
        if not messages:
            messages, _ = await self._bus.jetstream.read_batch(
                STREAM, subjects.EVENTS, cursor + 1, size=_BATCH
            )
        return messages

    def _rows(self, messages: Iterable[Stored]) -> list[tuple[Row, Stored]]:
        """The last readable event of each job, in the order of the log."""
        by_subject: dict[str, list[Stored]] = {}
        for message in messages:
            by_subject.setdefault(message.subject, []).append(message)
        rows = []
        for stored in by_subject.values():
            size = sum(message.size for message in stored)
            while stored and (body := self._bus.events.body(stored[-1])) is None:
                stored.pop()
            if stored and isinstance(body, Record):
                last = stored[-1]
                text = last.data.decode()
                row = Row(last.sequence, body, log_bytes=size, last_bytes=last.size, text=text)
                rows.append((row, last))
        return sorted(rows, key=lambda pair: pair[0].sequence)

    async def _one_by_one(
        self, read: list[tuple[Row, Stored]], cursor: int, after: int, others: Counter[str]
    ) -> None:
        """Apply each row by itself, so that one that the database refuses does not block the others."""
        for row, stored in read:
            try:
                await self._read_model.apply([row], cursor, row.sequence)
                cursor = row.sequence
            except Unstorable as error:
                self._bus.events.note(stored, f"the database does not take it: {error}")
        await self._read_model.apply([], cursor, after, others=others)

    async def _apply_recovered(self, cursor: int) -> None:
        """Apply events that were skipped and that this release can read."""
        gone, events = await readable_again(self._bus.jetstream)
        # their bytes were counted when they were skipped
        recovered = [row for row, _ in self._rows(events) if row.sequence <= cursor]
        rows = [replace(row, log_bytes=0) for row in recovered]
        try:
            await self._read_model.apply(rows, cursor, cursor)
        except Unstorable:
            return
        for letter in gone:
            await delete_dead_letter(self._bus.jetstream, letter)


def rest_after(seconds: float, behind: int) -> float:
    """
    Seconds of rest after a batch that took some: the busier, the more is taken in at once, and of a
    job only where it ended up. Where a full batch is left, a longer rest saves nothing.
    """
    return min((_REST_BEHIND if behind >= _BATCH else _REST) * seconds, _MAX_REST)


def _bytes_of_others(messages: list[Stored], read: list[tuple[Row, Stored]]) -> Counter[str]:
    """Bytes of what is about no job, or cannot be read, by project."""
    known, others = {stored.subject for _, stored in read}, Counter[str]()
    for message in messages:
        if message.subject not in known:
            others[parse(message.subject).project] += message.size
    return others
