"""Account permits in memory."""

from collections import defaultdict
from collections.abc import Callable

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.runtime.bus import AccountUsage
from heliograph.testing.gate import Gate, open_gate


class MemoryAccountPermits:
    """`AccountPermits` in a dictionary; `cap` places in each."""

    def __init__(self, cap: int, gate: Gate = open_gate) -> None:
        self._gate = gate
        self.cap = cap
        self.held: dict[str, dict[str, int]] = defaultdict(dict)
        self.breaker: CircuitBreaker | None = None  #: of all of them; only remembered

    async def acquire(self, account: str, job: str, seen: int, *, force: bool = False) -> bool:
        await self._gate("take", job)
        holders = self.held[account]
        if not force and job not in holders and len(holders) >= self.cap:
            return False
        holders[job] = max(seen, holders.get(job, 0))
        return True

    async def release(self, account: str, job: str, seen: int) -> None:
        await self._gate("free", job)
        holders = self.held[account]
        if holders.get(job, seen) < seen:
            del holders[job]

    async def update_breaker(
        self, account: str, verdict: Callable[[CircuitBreaker | None], CircuitBreaker | None]
    ) -> None:
        self.breaker = verdict(self.breaker)

    async def usage(self, account: str) -> AccountUsage:
        await self._gate("look at places", account)
        holders = self.held[account]
        return AccountUsage(dict(holders), self.cap, self.breaker)

    def names(self) -> list[str]:
        return list(self.held)
