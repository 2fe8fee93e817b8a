"""Queries of the upkeep: idle jobs, deadlines, log compaction, retention."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, update

from heliograph.contracts.queries.log_usage import LogUsage
from heliograph.contracts.retention import Rule
from services.status.read_model.retention_queries import (
    ended_jobs,
    expired_jobs,
    jobs_in_use,
    not_emptied,
    read_ended,
)
from services.status.read_model.rows import FinishedJob, History, IdleJob
from services.status.read_model.sql_session import SqlSession
from services.status.read_model.sweep_queries import due_jobs, idle_jobs, undecided_jobs
from services.status.read_model.tables import (
    jobs,
)
from services.status.read_model.timestamps import read_stamp, stamp
from services.status.read_model.usage import (
    compactable_jobs,
    longest_histories,
    read_history,
    read_usage,
    untrimmed_jobs,
)


class SqlMaintenance(SqlSession):
    """Queries about jobs that need upkeep."""

    async def unchanged_since(
        self, at: datetime, limit: int, after: IdleJob | None = None
    ) -> list[IdleJob]:
        async with self._transaction() as connection:
            rows = await connection.execute(idle_jobs(at, after).limit(limit))
            return [IdleJob(read_stamp(each.changed_at), each.id) for each in rows]

    async def due(self, at: datetime, unknown_since: datetime, limit: int) -> list[str]:
        return await self._ids(due_jobs(at, unknown_since).limit(limit))

    async def undecided(self) -> list[str]:
        return await self._ids(undecided_jobs())

    async def untrimmed(
        self, finished_before: datetime, limit: int, project: str | None = None
    ) -> list[History]:
        return await self._histories(untrimmed_jobs(finished_before, project).limit(limit))

    async def histories(self, limit: int) -> list[History]:
        return await self._histories(longest_histories().limit(limit))

    async def _histories(self, statement: Select[Any]) -> list[History]:
        async with self._transaction() as connection:
            return [read_history(each) for each in await connection.execute(statement)]

    async def compactable(
        self, finished_before: datetime, larger_than: int, limit: int, project: str | None = None
    ) -> list[str]:
        return await self._ids(compactable_jobs(finished_before, larger_than, project).limit(limit))

    async def expired(
        self, finished_before: datetime, limit: int, budgeted: Sequence[str]
    ) -> list[History]:
        statement = expired_jobs(stamp(finished_before), budgeted)
        return await self._histories(statement.limit(limit))

    async def usage(self, limit: int) -> LogUsage:
        return await self._transact(partial(read_usage, limit=limit))

    async def ended(self, project: str, rule: Rule, at: datetime) -> list[FinishedJob]:
        async with self._transaction() as connection:
            used = frozenset(await connection.scalars(jobs_in_use(project)))
            rows = (await connection.execute(ended_jobs(project, rule, at))).all()
        # there may be many: other tasks must run meanwhile
        return await asyncio.to_thread(lambda: [read_ended(each, used) for each in rows])

    async def unemptied(self, pruned_before: datetime, limit: int) -> list[str]:
        return await self._ids(not_emptied(stamp(pruned_before)).limit(limit))

    async def objects_deleted(self, named: Sequence[str]) -> None:
        async with self._transaction() as connection:
            await connection.execute(update(jobs).where(jobs.c.id.in_(named)).values(emptied=True))
