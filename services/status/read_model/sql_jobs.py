"""Queries for jobs: lists, searches, snapshots, and what jobs name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row as DatabaseRow
from sqlalchemy import select

from heliograph.contracts.queries.jobs import FindJobs, FoundJob, ListJobs
from heliograph.contracts.queries.projects import ListProjects, ProjectActivity
from heliograph.contracts.queries.usage import GetUsage, UsagePage
from services.status.read_model.job_cursors import cursor_after
from services.status.read_model.job_queries import counting, finding, listing
from services.status.read_model.project_queries import read_projects
from services.status.read_model.row_columns import read_row
from services.status.read_model.rows import Page
from services.status.read_model.snapshot_pages import SnapshotCursor, SnapshotPage, SnapshotQuery
from services.status.read_model.snapshots import cursor_of, next_pass, snapshot_page
from services.status.read_model.sql_session import SqlSession
from services.status.read_model.tables import jobs, named_uploads, requests
from services.status.read_model.timestamps import stamp
from services.status.read_model.usage_queries import read_usage_page


class SqlJobs(SqlSession):
    """Queries about jobs."""

    async def page(self, query: ListJobs) -> Page:
        async with self._transaction() as connection:
            result = await connection.execute(await listing(connection, query))
            rows = [read_row(each) for each in result]
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return Page(rows, cursor_after(rows[-1].record, query.order) if more else None)

    async def counts(self, query: ListJobs) -> dict[str, int]:
        async with self._transaction() as connection:
            counts = await connection.execute(await counting(connection, query))
            return {str(status): int(count) for status, count in counts}

    async def projects(self, query: ListProjects) -> list[ProjectActivity]:
        async with self._transaction() as connection:
            return await read_projects(connection, query)

    async def usage_page(self, query: GetUsage) -> UsagePage:
        async with self._transaction() as connection:
            return await read_usage_page(connection, query)

    async def find(self, query: FindJobs) -> list[FoundJob]:
        async with self._transaction() as connection:
            rows = await connection.execute(await finding(connection, query))
            return [FoundJob(id=each.id, retry_of=each.retry_of) for each in rows]

    async def known(self, project: str, named: Sequence[str]) -> set[str]:
        own = select(jobs.c.id).where(jobs.c.project == project, jobs.c.id.in_(named))
        return set(await self._ids(own))

    async def statuses(self, named: Sequence[str]) -> dict[str, str]:
        statement = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(named))
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
            return {str(job): str(status) for job, status in rows}

    async def snapshot(
        self, query: SnapshotQuery, after: SnapshotCursor | None, *, limit: int, room: int
    ) -> SnapshotPage:
        rows: list[DatabaseRow[Any]] = []
        place: SnapshotCursor | None = after
        async with self._transaction() as connection:
            while True:
                statement = snapshot_page(query, place).limit(limit - len(rows))
                page = (await connection.execute(statement)).all()
                kept = _fitting([*rows, *page], room) - len(rows)
                rows += page[:kept]
                place = cursor_of(query, rows[-1], place) if kept else place
                if kept < len(page) or len(rows) == limit:
                    break  # the page is full
                if (place := next_pass(query, place)) is None:
                    break
        return SnapshotPage([read_row(each) for each in rows], place)

    async def ended_records(self, since: datetime, limit: int) -> list[str]:
        lately = select(jobs.c.record).where(jobs.c.finished_at >= stamp(since))
        return await self._ids(lately.order_by(jobs.c.finished_at.desc()).limit(limit))

    async def result(self, project: str, digest: str) -> str | None:
        statement = select(jobs.c.id).where(jobs.c.project == project, jobs.c.result == digest)
        ids = await self._ids(statement.order_by(jobs.c.ended.desc()).limit(1))
        return ids[0] if ids else None

    async def named_uploads(self, project: str, uploads: Sequence[str]) -> list[str]:
        named = named_uploads.c
        statement = select(named.sha256).where(named.project == project, named.sha256.in_(uploads))
        return await self._ids(statement.distinct())

    async def requests(self, provider: str, named: Sequence[str]) -> list[str]:
        known = requests.c.provider == provider, requests.c.request.in_(named)
        return await self._ids(select(requests.c.request).where(*known).distinct())


def _fitting(rows: Sequence[DatabaseRow[Any]], room: int) -> int:
    """Number of first rows that fit into `room` bytes; at least one, if there is one."""
    taken = 0
    for count, row in enumerate(rows):
        taken += len(row.record)
        if count and taken > room:
            return count
    return len(rows)
