"""Bounded counts: how many rows match, as far as it matters to the query plan."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def count(connection: AsyncConnection, statement: Select[Any], *, up_to: int) -> int:
    """Number of rows, counted no further than `up_to`."""
    rows = select(func.count()).select_from(statement.limit(up_to).subquery())
    return await connection.scalar(rows) or 0
