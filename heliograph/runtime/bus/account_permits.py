"""Permits of provider accounts (a distributed semaphore), with the circuit breaker of each account."""

from collections.abc import Callable, Mapping
from typing import Any

from heliograph.contracts.catalog import Account
from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import Unreadable
from heliograph.runtime.bus import AccountUsage
from heliograph.runtime.bus.combined_changes import CombinedChanges
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.clock import now


class KvAccountPermits:
    """
    `AccountPermits` in the bucket `accounts`: key `<account>`, value `{cap?, holders?, breaker?}`.

    A cap in the bucket is an operator's, and wins over the catalog's. An account without any cap
    stores nothing: its permits are not counted.
    """

    def __init__(self, jetstream: JetStream, accounts: Mapping[str, Account]) -> None:
        self._cache = KvCache(jetstream, "accounts")
        self._bucket = self._cache.bucket
        self._changes = CombinedChanges(self._cache)
        self._accounts = accounts

    async def watch(self) -> None:
        """Keep a local copy of the accounts, so that unlimited ones need no request. Runs until canceled."""
        await self._cache.watch()

    async def acquire(self, account: str, job: str, seen: int, *, force: bool = False) -> bool:
        def granted(value: dict[str, Any]) -> dict[str, Any] | None:
            breaker = _breaker(value)
            if breaker and not force:
                if not breaker.admits(job, now()):
                    return None
                value = {**value, "breaker": breaker.admitting(job, now()).model_dump(mode="json")}
            cap, holders = self._cap(account, value), value.get("holders", {})
            if cap is None:
                return value
            if not force and job not in holders and len(holders) >= cap:
                return None
            return {**value, "holders": {**holders, job: max(seen, holders.get(job, 0))}}

        return await self._is_unlimited(account) or await self._changes.change(account, granted)

    async def release(self, account: str, job: str, seen: int) -> None:
        def returned(value: dict[str, Any]) -> dict[str, Any]:
            holders = value.get("holders", {})
            if holders.get(job, seen) >= seen:
                return value
            return {**value, "holders": {j: s for j, s in holders.items() if j != job}}

        if not await self._is_unlimited(account):
            await self._changes.change(account, returned)

    async def update_breaker(
        self, account: str, verdict: Callable[[CircuitBreaker | None], CircuitBreaker | None]
    ) -> None:
        def updated(value: dict[str, Any]) -> dict[str, Any]:
            breaker = verdict(_breaker(value))
            rest = {name: each for name, each in value.items() if name != "breaker"}
            return rest | ({"breaker": breaker.model_dump(mode="json")} if breaker else {})

        known = (await self._cache.entry(account)).readable
        if verdict(_breaker(known)) or _breaker(known):
            await self._changes.change(account, updated)

    async def change_cap(self, account: str, cap: int | None) -> AccountUsage:
        """
        An operator's cap; None: that of the catalog again. Holders keep their permits, even above the cap.
        """

        def changed(value: dict[str, Any]) -> dict[str, Any]:
            rest = {name: each for name, each in value.items() if name != "cap"}
            return rest if cap is None else rest | {"cap": cap}

        await self._bucket.change(account, changed)
        return await self.usage(account)

    async def usage(self, account: str) -> AccountUsage:
        if await self._is_unlimited(account):
            return AccountUsage({}, None, None)
        try:
            value = (await self._bucket.read(account)).value
        except Unreadable:  # an account of unknown usage has no room
            return AccountUsage({}, 0, None)
        return AccountUsage(
            dict(value.get("holders", {})), self._cap(account, value), _breaker(value)
        )

    def names(self) -> list[str]:
        return list(self._accounts)

    async def _is_unlimited(self, account: str) -> bool:
        """
        Whether the account is unlimited: a moment ago it had no cap, breaker or holders, so nothing is
        written. Jobs that started before a cap was set are not counted.
        """
        value = (await self._cache.entry(account)).readable
        return not (value.get("holders") or _breaker(value)) and self._cap(account, value) is None

    def _cap(self, account: str, value: dict[str, Any]) -> int | None:
        if value.get("cap") is not None:
            return int(value["cap"])
        entry = self._accounts.get(account)
        return entry.cap if entry else None


def _breaker(value: dict[str, Any]) -> CircuitBreaker | None:
    breaker = value.get("breaker")
    return CircuitBreaker.model_validate(breaker) if breaker else None
