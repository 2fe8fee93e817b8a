"""Queries for slots and their versions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from services.status.read_model.row_columns import (
    read_row,
)
from services.status.read_model.rows import Row
from services.status.read_model.slot_queries import (
    slot_named,
    slot_occupants,
    slots_listed,
    versions_after,
)
from services.status.read_model.slot_results import slots_in
from services.status.read_model.slot_rows import SlotSnapshot
from services.status.read_model.sql_session import SqlSession


class SqlSlots(SqlSession):
    """Queries about slots."""

    async def slots(self, query: ListSlots) -> SlotSnapshot:
        shot = await self._slots(slots_listed(query))
        if len(shot.slots) <= query.limit:
            return shot
        slots = shot.slots[: query.limit]
        return replace(shot, slots=slots, next=slots[-1].slot)

    async def slot(self, query: GetSlot) -> SlotSnapshot:
        return await self._slots(slot_named(query))

    async def _slots(self, statement: Select[Any]) -> SlotSnapshot:
        async with self._transaction() as connection:
            rows = (await connection.execute(statement)).all()
        if not rows:
            raise Unavailable("the read model is not there yet")
        first = rows[0]
        return SlotSnapshot(epoch=first.epoch, sequence=int(first.cursor), slots=slots_in(rows))

    async def versions(self, project: str, slot: str, after: int, limit: int) -> list[Row]:
        statement = versions_after(project, slot, after).limit(limit)
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
            return [replace(read_row(each), version=int(each.number)) for each in rows]

    async def filled(self, project: str, slots: Sequence[str]) -> dict[str, str]:
        async with self._transaction() as connection:
            rows = await connection.execute(slot_occupants(project, slots))
            return {str(each.slot): str(each.id) for each in rows}
