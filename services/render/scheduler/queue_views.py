"""Queue views: what the dispatcher answers about positions in the queue, and about lanes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from nats.aio.subscription import Subscription

from heliograph.contracts.queries.scheduler import GetPosition, LaneStates, ListLanes, Position
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from services.render.scheduler.eta import DurationEstimator, eta
from services.render.scheduler.lane_state import LaneScheduler, blocking_reason

Pending = Callable[[str], Sequence[str]]  #: for which jobs a job still waits


class QueueViews:
    """Answers questions about the queue, from what the dispatcher knows of it."""

    def __init__(
        self,
        bus: NatsBus,
        lanes: Mapping[str, LaneScheduler],
        pace: DurationEstimator,
        pending: Pending,
    ) -> None:
        self._bus = bus
        self._lanes = lanes
        self._pace = pace
        self._pending = pending

    async def serve(self) -> list[Subscription]:
        """Answer from now on."""
        return [
            await self._bus.serve(GetPosition, self._on_position),
            await self._bus.serve(ListLanes, self._on_lanes),
        ]

    async def _on_position(self, query: GetPosition) -> Position:
        job = query.job
        for lane in self._lanes.values():
            waiting, moved = lane.queue.ticket(job), lane.moved(job)
            if lane.queue.is_blocked(job):
                return Position(blocked=f"waits for {', '.join(self._pending(job))}")
            if waiting:
                turn = lane.queue.position(job)
                return await self._position_of(lane, waiting, turn and turn + lane.ready)
            if moved:
                await lane.look(self._bus)
                turn = lane.turn_of_ready(job)
                return await self._position_of(lane, moved, turn) if turn else Position()
        return Position()

    async def _position_of(
        self, lane: LaneScheduler, ticket: Ticket, position: int | None
    ) -> Position:
        places = await self._bus.accounts.usage(ticket.account)
        blocked = blocking_reason(ticket.account, places, ticket.job, now())
        if lane.limit.paused:
            blocked = f"lane {lane.name} is paused"
        if position is None or blocked:
            return Position(position=position, blocked=blocked)
        seconds = self._pace.of_lane(lane.name)
        return Position(
            position=position, eta_seconds=eta(position, lane.in_use, lane.limit.cap, seconds)
        )

    async def _on_lanes(self, _: ListLanes) -> LaneStates:
        await asyncio.gather(*(lane.look(self._bus) for lane in self._lanes.values()))
        lanes = [
            lane.state(await usage_of_accounts(self._bus, lane)) for lane in self._lanes.values()
        ]
        return LaneStates(lanes=lanes)


async def usage_of_accounts(bus: NatsBus, lane: LaneScheduler) -> dict[str, AccountUsage]:
    """Usage of the accounts for which jobs of a lane wait."""
    return {account: await bus.accounts.usage(account) for account in lane.queue.accounts()}
