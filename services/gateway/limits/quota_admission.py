"""Admission by quotas and rate limits: new jobs count for project, key and user before acceptance."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

from heliograph.contracts.errors import ServiceError, TooManyJobs
from heliograph.contracts.quotas import ProjectQuotas, Quotas
from heliograph.contracts.records import Record
from heliograph.runtime.clock import now
from services.gateway.limits.job_permits import JobPermits, State
from services.gateway.limits.quota_holders import (
    HolderJobs,
    QuotaHolder,
    holders_of,
    jobs_by_holder,
)
from services.gateway.limits.rate_limiter import RateLimiter, policy_of

_RETRY_AFTER = 10.0  #: seconds until some jobs may have ended, or started
_STATES: tuple[State, ...] = ("in_flight", "queued")
_WORDS: dict[State, str] = {"in_flight": "open", "queued": "waiting"}

ProjectQuotasOf = Callable[[str], Awaitable[ProjectQuotas]]
KeyQuotasOf = Callable[[str], Quotas | None]


class QuotaAdmission:
    """
    Counts new jobs. Without any quota it reads and writes nothing.

    Every method raises Unavailable: what was to be counted may or may not be.
    """

    def __init__(
        self,
        rates: RateLimiter,
        permits: JobPermits,
        project_quotas: ProjectQuotasOf,
        key_quotas: KeyQuotasOf,
    ) -> None:
        self._rates = rates
        self._permits = permits
        self._project_quotas = project_quotas
        self._key_quotas = key_quotas

    async def admit(self, records: Collection[Record]) -> None:
        """
        Count first records of one project and one key, all or none.

        Raises:
            TooManyRequests: The rate limit of the window is exceeded.
            TooManyJobs: Too many jobs are open or queued.
        """
        counted = await self._counted(records)
        if not counted:
            return
        async with AsyncExitStack() as undo:
            for each in counted:
                await self._take_rate(each, undo)
            await _all_done(
                self._acquire(each, state, limit, undo)
                for each in counted
                for state in _STATES
                if (limit := _limit(each.holder.quotas, state)) is not None
            )
            undo.pop_all()  # all of them fit

    async def _take_rate(self, each: HolderJobs, undo: AsyncExitStack) -> None:
        holder, jobs = each
        if rate := holder.quotas.requests:
            at = now()
            await self._rates.take(holder.name, holder.title, rate, len(jobs))
            undo.callback(self._rates.give_back, holder.name, rate, len(jobs), at)

    async def _acquire(
        self, each: HolderJobs, state: State, limit: int, undo: AsyncExitStack
    ) -> None:
        holder, jobs = each
        new = await self._permits.acquire(holder.name, state, jobs, limit)
        if new is None:
            raise _too_many(holder, state, limit)
        undo.push_async_callback(self._permits.release, holder.name, state, new)

    async def release(self, record: Record) -> None:
        """Release the count of a job that was not accepted."""
        await self.release_rate(record)
        for holder, jobs in await self._counted([record]):
            for state in _STATES:
                if _limit(holder.quotas, state) is not None:
                    await self._permits.release(holder.name, state, jobs)

    async def release_rate(self, record: Record) -> None:
        """Release the rate of a replayed request; its job keeps its permits."""
        for holder, jobs in await self._counted([record]):
            if rate := holder.quotas.requests:
                self._rates.give_back(holder.name, rate, len(jobs), record.created_at)

    async def headers(self, project: str, user: str | None, key: str | None) -> dict[str, str]:
        """
        What is left of each rate that a request counts for, as the RateLimit header draft has it. Nothing
        if it is not known at the moment: the request is accepted already.
        """
        try:
            own = await self._project_quotas(project)
            holders = [*holders_of(project, user, key, own, self._key_quotas(key) if key else None)]
        except ServiceError:
            return {}
        return self._headers(holders)

    def _headers(self, holders: Collection[QuotaHolder]) -> dict[str, str]:
        policies, limits = [], []
        for holder in holders:
            if rate := holder.quotas.requests:
                name, state = policy_of(holder.name), self._rates.state(holder.name, rate)
                policies.append(f'"{name}";q={rate.limit};w={rate.window_seconds}')
                limits.append(f'"{name}";r={state.remaining};t={math.ceil(state.reset)}')
        if not policies:
            return {}
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)}

    async def _counted(self, records: Collection[Record]) -> list[HolderJobs]:
        first = next(iter(records), None)
        if first is None:
            return []
        key = first.internal.access_key
        own = await self._project_quotas(first.project)
        return jobs_by_holder(records, own, self._key_quotas(key) if key else None)


async def _all_done(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all calls, which are made at once. Raises what the first of them in order does."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    for each in done:
        if each is not None:
            raise each


def _limit(quotas: Quotas, state: State) -> int | None:
    return quotas.jobs_in_flight if state == "in_flight" else quotas.jobs_queued


def _too_many(holder: QuotaHolder, state: State, limit: int) -> TooManyJobs:
    detail = f"{holder.title} may have {limit} jobs that are {_WORDS[state]} at once"
    policy = f"jobs-{state.replace('_', '-')}"
    return TooManyJobs(detail, policy=policy, limit=limit, retry_after=_RETRY_AFTER)
