"""
The dispatcher: moves jobs from the queue to their lanes, in the order `scheduling` says.

One process at a time does it, by a lease; a move by another is harmless, because the move is one
compare-and-append on the server. What it remembers is a copy of the queue, and can be read anew.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import BaseModel

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries import LaneState, LaneStates, Position, Ticket, WaitingProject
from heliograph.contracts.registry import Registry
from heliograph.runtime.bus import Places, now
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.bus.work import STREAM
from heliograph.runtime.topology import lane_consumer
from services.render.scheduling import Lane, Waiting
from services.render.settings import RenderSettings

log = structlog.get_logger()

_LOOK_AGAIN = 0.25  #: seconds between looks at a lane that nobody hinted at
_SOON = 0.005  #: seconds before the second look, when a hint came before its cause was to be seen
_REREAD = 2.0  #: seconds between readings of what the feed may have missed
_AT_ONCE = 64  #: moves of a lane under way together


class Dispatcher:
    """Keeps every lane's short list of ready jobs filled, as long as it holds the lease."""

    def __init__(self, bus: NatsBus, registry: Registry, settings: RenderSettings) -> None:
        self._bus = bus
        self._look_ahead = settings.look_ahead
        self._accounts = list(registry.accounts)
        self._desks = {name: _Desk(lane.cap) for name, lane in registry.lanes.items()}
        self._read_to = 0

    async def run(self) -> None:
        """Wait for the lease, dispatch until it is lost, and wait again."""
        await self._bus.opened.wait()
        while True:
            async with self._bus.leases.held("dispatcher") as lost:
                listening = await self._listen()
                try:
                    await self._dispatch(lost)
                finally:
                    for subscription in listening:
                        await subscription.unsubscribe()

    async def _dispatch(self, lost: asyncio.Event) -> None:
        self._read_to = 0
        for desk in self._desks.values():
            desk.lane = Lane()
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self._reread())]
            loops += [tasks.create_task(self._fill(n, d)) for n, d in self._desks.items()]
            await lost.wait()
            for loop in loops:
                loop.cancel()

    async def _listen(self) -> list[Subscription]:
        client = self._bus.client
        return [
            await client.subscribe(subjects.QUEUED, cb=self._on_queued),
            await client.subscribe(subjects.CANCEL, cb=self._on_cancel),
            await client.subscribe(subjects.ROOM, cb=self._on_room),
            await client.subscribe(subjects.query_position("*"), cb=self._on_position),
            await client.subscribe(subjects.QUERY_LANES, cb=self._on_lanes),
        ]

    # -- what waits

    async def _reread(self) -> None:
        """Read the queue itself: all of it at first, then what came since."""
        while True:
            try:
                messages = self._bus.jetstream.every(STREAM, subjects.QUEUE, self._read_to + 1)
                async for stored in messages:
                    self._read_to = stored.sequence
                    self._hear(stored.headers, stored.data)
            except Unavailable as error:
                log.warning("The queue cannot be read", reason=str(error))
            await asyncio.sleep(_REREAD)

    async def _on_queued(self, message: Msg) -> None:
        self._hear(message.headers or {}, message.data)

    def _hear(self, headers: dict[str, str], data: bytes) -> None:
        ticket = Ticket.model_validate_json(data)
        desk = self._desks.get(ticket.lane)
        if desk:
            since = datetime.fromisoformat(headers["Nats-Time-Stamp"])
            desk.lane.add(Waiting(int(headers["Nats-Sequence"]), ticket, since), now())
            desk.bell.set()

    async def _on_cancel(self, message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        for desk in self._desks.values():
            desk.lane.remove(job)

    async def _on_room(self, message: Msg) -> None:
        desk = self._desks.get(message.subject.rsplit(".", 1)[1])
        if desk:
            desk.bell.set()

    # -- whose turn it is

    async def _fill(self, name: str, desk: "_Desk") -> None:
        while True:
            rung = desk.bell.is_set()
            desk.bell.clear()
            try:
                moved = await self._fill_once(name, desk)
            except Unavailable:
                moved = 0
            if not moved:
                await desk.wait(_SOON if rung and desk.lane else _LOOK_AGAIN)

    async def _fill_once(self, name: str, desk: "_Desk") -> int:
        """Move as many jobs as the lane has room for. Returns how many were taken in hand."""
        if not desk.lane:
            return 0
        info = await self._bus.jetstream.api(f"CONSUMER.INFO.{STREAM}.{lane_consumer(name)}")
        desk.look(info)
        room = desk.cap + self._look_ahead - desk.in_use - desk.ready
        if room <= 0:
            return 0
        places = {a: await self._bus.accounts.places(a) for a in self._accounts}
        turns = list(_turns(desk.lane, min(room, _AT_ONCE), places))
        await asyncio.gather(*(self._move(desk, waiting) for waiting in turns))
        return len(turns)

    async def _move(self, desk: "_Desk", waiting: Waiting) -> None:
        try:
            await self._bus.work.move(waiting.ticket, waiting.sequence)
        except Unavailable:
            desk.lane.add(waiting, now())

    # -- what others ask

    async def _on_position(self, message: Msg) -> None:
        job = message.subject.rsplit(".", 1)[1]
        for desk in self._desks.values():
            position = desk.lane.position(job)
            if position is not None:
                await _respond(message, Position(position=desk.ready + position))
                return
        await _respond(message, Position())

    async def _on_lanes(self, message: Msg) -> None:
        lanes = [desk.state(name) for name, desk in self._desks.items()]
        await _respond(message, LaneStates(lanes=lanes))


class _Desk:
    """One lane, and what was last seen of it."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.lane = Lane()
        self.bell = asyncio.Event()
        self.in_use = 0  #: delivered to a worker
        self.ready = 0  #: moved, and not delivered yet

    def look(self, consumer: dict[str, Any]) -> None:
        self.cap = consumer["config"]["max_ack_pending"]
        self.in_use = consumer["num_ack_pending"]
        self.ready = consumer["num_pending"]

    async def wait(self, seconds: float) -> None:
        """Until the bell rings, or a job that had to wait may run, or the time is up."""
        ripens = self.lane.ripens_at()
        if ripens and ripens > now():
            seconds = min(seconds, (ripens - now()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.bell.wait()

    def state(self, name: str) -> LaneState:
        first = self.lane.first()
        return LaneState(
            name=name,
            cap=self.cap,
            in_use=self.in_use,
            waiting=len(self.lane) + self.ready,
            oldest_wait_seconds=(now() - first.since).total_seconds() if first else None,
            projects=[
                WaitingProject(project=project, waiting=count)
                for project, count in self.lane.projects().most_common()
            ],
        )


def _turns(lane: Lane, count: int, places: dict[str, Places]) -> Iterable[Waiting]:
    """The next jobs of a lane; each takes a place in its account with it."""
    left = {account: place.left for account, place in places.items()}
    full = [job for place in places.values() if place.left is not None for job in place.holders]

    def has_room(account: str) -> bool:
        room = left.get(account)
        return room is None or room > 0

    for _ in range(count):
        waiting = lane.next(now(), has_room, full)
        if waiting is None:
            return
        room = left.get(waiting.ticket.account)
        if room is not None and waiting.ticket.job not in full:
            left[waiting.ticket.account] = room - 1
        yield waiting


async def _respond(message: Msg, answer: BaseModel) -> None:
    if message.reply:
        await message.respond(answer.model_dump_json().encode())
