"""Slot claims in memory."""

from collections.abc import Collection

from heliograph.contracts.slots import Restored
from heliograph.runtime.bus import SlotClaim
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.testing.gate import Gate, open_gate


class MemorySlotClaims:
    """`SlotClaims` in a dictionary."""

    def __init__(self, gate: Gate = open_gate) -> None:
        self._gate = gate
        self.claims: dict[tuple[str, str], tuple[str | None, int]] = {}
        self.restored: dict[tuple[str, str], Restored] = {}
        self.withdrawn: dict[tuple[str, str], frozenset[str]] = {}

    async def read(self, project: str, slot: str) -> SlotClaim:
        await self._gate("read slot", slot)
        return self._claim(project, slot)

    def _claim(self, project: str, slot: str) -> SlotClaim:
        place = (project, slot)
        job, revision = self.claims.get(place, (None, 0))
        gone = self.withdrawn.get(place, frozenset())
        return SlotClaim(job, revision, self.restored.get(place), gone)

    async def read_all(self, project: str) -> dict[str, SlotClaim]:
        await self._gate("read slots", project)
        return {slot: self._claim(project, slot) for of, slot in self.claims if of == project}

    async def claim(
        self, project: str, slot: str, job: str | None, expected: SlotClaim
    ) -> SlotClaim:
        await self._gate("claim slot", slot, job or "")
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, expected.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (job, revision + 1)
        return self._claim(project, slot)

    async def restore(
        self, project: str, slot: str, restored: Restored, expected: SlotClaim
    ) -> None:
        await self._gate("restore", slot)
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, expected.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (expected.job, revision + 1)
        self.restored[project, slot] = restored

    async def withdraw(
        self, project: str, slot: str, jobs: Collection[str], expected: SlotClaim
    ) -> None:
        await self._gate("withdraw", slot)
        _, revision = self.claims.get((project, slot), (None, 0))
        if self.is_lost(revision, expected.revision):
            raise Conflict(slot)
        self.claims[project, slot] = (expected.job, revision + 1)
        self.withdrawn[project, slot] = frozenset(jobs)

    def is_lost(self, revision: int, expected: int) -> bool:
        """Whether another writer was first."""
        return revision != expected
