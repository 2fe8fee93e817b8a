"""Concurrency limits of lanes and accounts, as operators see and change them."""

import asyncio
from dataclasses import dataclass

from heliograph.contracts import subjects
from heliograph.contracts.catalog import Account
from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import NotFound
from heliograph.contracts.limits import (
    AccountPerformance,
    AccountState,
    BreakerState,
    ChangeAccount,
    ChangeLane,
)
from heliograph.contracts.queries.account_statistics import ListAccountStatistics
from heliograph.contracts.queries.scheduler import GetLaneQueue, LaneQueue, LaneState, ListLanes
from heliograph.runtime.bus import AccountUsage, Notify, RequestReply
from heliograph.runtime.bus.account_permits import KvAccountPermits
from heliograph.runtime.bus.lanes import Lanes
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from services.gateway.queue_position import request_or_none

_STATISTICS_TIMEOUT = 1.0  #: seconds for the reply of status


@dataclass(frozen=True, kw_only=True)
class LimitAdmin:
    """Lanes and accounts, as operators see and change them. Every method raises Unavailable."""

    request: RequestReply
    notify: Notify
    catalog: CurrentCatalog
    lane_limits: Lanes
    permits: KvAccountPermits

    async def lanes(self) -> list[LaneState]:
        """Every lane, including the last acknowledged change of its limits."""
        return await asyncio.gather(*(self._limited(lane) for lane in await self.seen_lanes()))

    async def _limited(self, lane: LaneState) -> LaneState:
        """The dispatcher may not have a change yet."""
        if lane.name not in self.catalog.current.lanes:
            return lane
        limit = await self.lane_limits.current(lane.name)
        return lane.model_copy(update={"cap": limit.cap, "paused": limit.paused})

    async def seen_lanes(self) -> list[LaneState]:
        """Every lane as the dispatcher sees it."""
        return (await self.request(ListLanes())).lanes

    async def queue(self, name: str, limit: int) -> LaneQueue:
        """The next jobs of a lane. Raises NotFound."""
        if name not in self.catalog.current.lanes:
            raise NotFound(f"there is no lane {name}")
        return await self.request(GetLaneQueue(lane=name, limit=limit))

    async def change_lane(self, name: str, change: ChangeLane) -> LaneState:
        """Change a lane in all processes at once; the dispatcher knows of it by now. Raises NotFound."""
        if name not in self.catalog.current.lanes:
            raise NotFound(f"there is no lane {name}")
        await self.lane_limits.change(name, change)
        await self.notify(subjects.lane_capacity(name))
        return next(lane for lane in await self.lanes() if lane.name == name)

    async def accounts(self) -> list[AccountState]:
        """Every account, and how much of it is in use."""
        accounts = self.catalog.current.accounts
        performance = await self._performance()
        return [
            _state(name, account, await self.permits.usage(name), performance.get(name))
            for name, account in accounts.items()
        ]

    async def _performance(self) -> dict[str, AccountPerformance]:
        """Performance in the last hour by account; empty if status does not reply in time."""
        statistics = await request_or_none(
            self.request, ListAccountStatistics(), timeout=_STATISTICS_TIMEOUT
        )
        return {
            each.account: AccountPerformance.model_validate(each, from_attributes=True)
            for each in (statistics.items if statistics else ())
        }

    async def change_account(self, name: str, change: ChangeAccount) -> AccountState:
        """Change an account's cap in all processes at once. Raises NotFound."""
        account = self.catalog.current.accounts.get(name)
        if account is None:
            raise NotFound(f"there is no account {name}")
        usage = await self.permits.change_cap(name, change.cap)
        return _state(name, account, usage, (await self._performance()).get(name))


def _state(
    name: str, account: Account, usage: AccountUsage, performance: AccountPerformance | None
) -> AccountState:
    return AccountState(
        name=name,
        provider=account.provider,
        cap=usage.cap,
        in_use=None if usage.cap is None else len(usage.holders),
        breaker=_shown(usage.breaker),
        last_hour=performance,
    )


def _shown(breaker: CircuitBreaker | None) -> BreakerState:
    if breaker is None:
        return BreakerState()
    return BreakerState(state=breaker.state(now()), reason=breaker.reason, until=breaker.until)
