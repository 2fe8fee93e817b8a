"""Slot claims: which job may fill a slot, by compare-and-set."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any

from heliograph.contracts.errors import Unreadable
from heliograph.contracts.slots import Restored
from heliograph.runtime.bus import SlotClaim
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue, KvEntry


class KvSlotClaims:
    """`SlotClaims` in the bucket `slots`: key `<project>.<slot>`, value `{job, restored?, withdrawn?}`."""

    def __init__(self, jetstream: JetStream) -> None:
        self._bucket = KeyValue(jetstream, "slots")

    async def read(self, project: str, slot: str) -> SlotClaim:
        return _claim(await self._bucket.read(f"{project}.{slot}"))

    async def read_all(self, project: str) -> dict[str, SlotClaim]:
        entries = await self._bucket.matching(f"{project}.*")
        claims = {}
        for key, entry in entries.items():
            with suppress(Unreadable):
                claims[key.partition(".")[2]] = _claim(entry)
        return claims

    async def claim(
        self, project: str, slot: str, job: str | None, expected: SlotClaim
    ) -> SlotClaim:
        claimed = replace(expected, job=job)
        return replace(claimed, revision=await self._write(project, slot, claimed))

    async def restore(
        self, project: str, slot: str, restored: Restored, expected: SlotClaim
    ) -> None:
        await self._write(project, slot, replace(expected, restored=restored))

    async def withdraw(
        self, project: str, slot: str, jobs: Collection[str], expected: SlotClaim
    ) -> None:
        await self._write(project, slot, replace(expected, withdrawn=frozenset(jobs)))

    async def _write(self, project: str, slot: str, claim: SlotClaim) -> int:
        value: dict[str, Any] = {**claim.unknown, "job": claim.job}
        if claim.restored:
            value["restored"] = claim.restored.model_dump(mode="json")
        if claim.withdrawn:
            value["withdrawn"] = sorted(claim.withdrawn)
        return await self._bucket.write(f"{project}.{slot}", value, claim.revision)


_OF_A_SLOT = frozenset({"job", "restored", "withdrawn"})


def _claim(entry: KvEntry) -> SlotClaim:
    restored = entry.value.get("restored")
    return SlotClaim(
        entry.value.get("job"),
        entry.revision,
        Restored.model_validate(restored) if restored else None,
        frozenset(entry.value.get("withdrawn", ())),
        {name: each for name, each in entry.value.items() if name not in _OF_A_SLOT},
    )
