"""Slots in the read model: versions, the restored one, and failures since."""

import asyncio

from heliograph.contracts.queries.slots import (
    GetSlot,
    JobView,
    ListSlots,
    SlotHistory,
    SlotPage,
    SlotState,
    SlotVersion,
)
from heliograph.contracts.slots import current_version
from heliograph.runtime.bus import SlotClaims
from services.status.live.hub import Hub
from services.status.read_model import ReadModel
from services.status.read_model.rows import Row
from services.status.read_model.slot_rows import SlotRows
from services.status.read_your_writes import ReadYourWrites


class SlotReadModel:
    """Queries about slots. Every method raises Unavailable."""

    def __init__(
        self, read_model: ReadModel, slots: SlotClaims, hub: Hub, writes: ReadYourWrites
    ) -> None:
        self._read_model = read_model
        self._slots = slots
        self._hub = hub
        self._writes = writes

    async def page(self, query: ListSlots) -> SlotPage:
        """Slots of a project, each with all that a page needs to draw it."""
        await self._writes.wait_for_live()
        shot = await self._read_model.slots(query)
        states = [self._state(query.project, slot) for slot in shot.slots]
        return SlotPage(
            epoch=shot.epoch,
            sequence=shot.sequence,
            items=await asyncio.gather(*states),
            next=shot.next,
        )

    async def history(self, query: GetSlot) -> SlotHistory:
        """One slot, with its versions."""
        if query.settled:
            await self._writes.wait_for_log()
        else:
            await self._writes.wait_for_live()
        shot = await self._read_model.slot(query)
        versions = await self._versions(query.project, query.slot, query.after, query.limit + 1)
        shown = versions[: query.limit]
        return SlotHistory(
            epoch=shot.epoch,
            sequence=shot.sequence,
            state=await self._state(query.project, shot.slots[0]) if shot.slots else None,
            versions=shown,
            next=shown[-1].number if shown and len(versions) > query.limit else None,
        )

    async def _state(self, project: str, slot: SlotRows) -> SlotState:
        active = slot.active
        return SlotState(
            slot=slot.slot,
            versions=slot.versions,
            current=await self._current(project, slot),
            active=_shown(active) if active else None,
            report=self._hub.report(active.record.id) if active else None,
            failures=[_shown(row) for row in slot.failures],
        )

    async def _current(self, project: str, slot: SlotRows) -> SlotVersion | None:
        if slot.latest is None:
            return None
        latest = SlotVersion(number=slot.versions, made_by=_shown(slot.latest))
        if slot.versions == 1:
            return latest
        restored = (await self._slots.read(project, slot.slot)).restored
        number = current_version(slot.versions, restored)
        if number == slot.versions:
            return latest
        versions = await self._versions(project, slot.slot, number - 1, 1)
        return versions[0] if versions and versions[0].number == number else latest

    async def _versions(self, project: str, slot: str, after: int, limit: int) -> list[SlotVersion]:
        rows = await self._read_model.versions(project, slot, after, limit)
        return [SlotVersion(number=row.version, made_by=_shown(row)) for row in rows if row.version]


def _shown(row: Row) -> JobView:
    job = row.record.model_dump(mode="json", exclude={"internal"})
    return JobView(sequence=row.sequence, job=job)
