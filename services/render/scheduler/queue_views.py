"""Queue views: the dispatcher's replies to queries for queue positions and for lanes."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from nats.aio.subscription import Subscription

from heliograph.contracts.errors import NotFound
from heliograph.contracts.queries.scheduler import (
    Forecast,
    ForecastPositions,
    GetLaneQueue,
    GetPosition,
    LaneQueue,
    LaneStates,
    ListLanes,
    ListPositions,
    NewJob,
    Position,
    Positions,
    WaitingJob,
)
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from services.render.scheduler.eta import DurationEstimator, eta
from services.render.scheduler.forecasts import forecast
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.wait_reasons import (
    Pending,
    blocking_condition,
    ineligible_jobs,
    next_jobs,
)

_COUNTED = 1_000  #: jobs of a lane; those further back have no position in lists


class QueueViews:
    """Serves queries about the queue, from what the dispatcher knows of it."""

    def __init__(
        self,
        bus: NatsBus,
        lanes: Mapping[str, LaneScheduler],
        durations: DurationEstimator,
        pending: Pending,
    ) -> None:
        self._bus = bus
        self._lanes = lanes
        self._durations = durations
        self._pending = pending

    async def serve(self) -> list[Subscription]:
        """Serve queries from now on."""
        return [
            await self._bus.serve(GetPosition, self._on_position),
            await self._bus.serve(ListPositions, self._on_positions),
            await self._bus.serve(ListLanes, self._on_lanes),
            await self._bus.serve(GetLaneQueue, self._on_queue),
            await self._bus.serve(ForecastPositions, self._on_forecast),
        ]

    async def _on_position(self, query: GetPosition) -> Position:
        job = query.job
        for lane in self._lanes.values():
            waiting, moved = lane.queue.ticket(job), lane.moved(job)
            if lane.queue.has_open_dependencies(job):
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
        usage = await self._bus.accounts.usage(ticket.account)
        blocked = blocking_condition(lane, ticket, usage, now())
        if position is None or blocked:
            return Position(position=position, blocked=blocked and blocked.detail)
        seconds = self._durations.of_lane(lane.name)
        return Position(
            position=position, eta_seconds=eta(position, lane.in_use, lane.limit.cap, seconds)
        )

    async def _on_positions(self, query: ListPositions) -> Positions:
        ids, positions = set(query.jobs), dict[str, Position]()
        for lane in self._lanes.values():
            if any(lane.moved(job) or lane.queue.ticket(job) for job in ids):
                queue = await self._queue(lane, _COUNTED)
                positions |= {each.job: _position(each) for each in queue.items if each.job in ids}
        return Positions(positions=positions)

    async def _on_queue(self, query: GetLaneQueue) -> LaneQueue:
        lane = self._lanes.get(query.lane)
        if lane is None:
            raise NotFound(f"there is no lane {query.lane}")
        return await self._queue(lane, query.limit)

    async def _queue(self, lane: LaneScheduler, limit: int) -> LaneQueue:
        await lane.look(self._bus)
        usage = await usage_of_accounts(self._bus, lane)
        seconds = self._durations.of_lane(lane.name)
        items = list(next_jobs(lane, usage, seconds, now(), limit))
        items += ineligible_jobs(lane, self._pending, limit - len(items))
        return LaneQueue(
            name=lane.name,
            cap=lane.limit.cap,
            paused=lane.limit.paused,
            in_use=lane.in_use,
            waiting=len(lane.queue) + lane.ready,
            items=items,
        )

    async def _on_forecast(self, query: ForecastPositions) -> Forecast:
        by_lane: dict[str, list[int]] = defaultdict(list)
        for index, job in enumerate(query.jobs):
            by_lane[job.lane].append(index)
        positions = [Position() for _ in query.jobs]
        for name, indexes in by_lane.items():
            if lane := self._lanes.get(name):
                of_lane = await self._forecast(lane, [query.jobs[index] for index in indexes])
                for index, position in zip(indexes, of_lane, strict=True):
                    positions[index] = position
        return Forecast(positions=positions)

    async def _forecast(self, lane: LaneScheduler, jobs: list[NewJob]) -> list[Position]:
        await lane.look(self._bus)
        accounts = {job.account for job in jobs}
        usage = {account: await self._bus.accounts.usage(account) for account in accounts}
        return forecast(lane, jobs, usage, self._durations.of_lane(lane.name), now())

    async def _on_lanes(self, _: ListLanes) -> LaneStates:
        """
        Lanes with the last acknowledged change of their limits. The gateway asks before it responds to a change:
        a job that comes after the response to a pause does not start.
        """
        await asyncio.gather(*map(self._look_anew, self._lanes.values()))
        lanes = [
            lane.state(await usage_of_accounts(self._bus, lane)) for lane in self._lanes.values()
        ]
        return LaneStates(lanes=lanes)

    async def _look_anew(self, lane: LaneScheduler) -> None:
        await self._bus.lanes.current(lane.name)
        await lane.look(self._bus)


def _position(waiting: WaitingJob) -> Position:
    """Position of a job, or the reason why it waits."""
    waits_for_turn = waiting.reason in ("turn", "lane_full", "delayed")
    return Position(
        position=waiting.position,
        eta_seconds=waiting.eta_seconds,
        blocked=None if waits_for_turn else waiting.detail,
    )


async def usage_of_accounts(bus: NatsBus, lane: LaneScheduler) -> dict[str, AccountUsage]:
    """Usage of the accounts for which jobs of a lane wait."""
    return {account: await bus.accounts.usage(account) for account in lane.queue.accounts()}
