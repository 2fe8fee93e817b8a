"""The read model in SQL: SQLite by default, PostgreSQL for several machines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Select, bindparam, delete, insert, select, update
from sqlalchemy import Row as Found
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.projects import ListProjects, ProjectActivity
from heliograph.contracts.queries.read_model import (
    FindJobs,
    FoundJob,
    GetSlot,
    ListJobs,
    ListSlots,
    LogUsage,
)
from heliograph.contracts.retention import Rule
from services.status.read_model import (
    CursorConflict,
    FinishedJob,
    History,
    IdleJob,
    Page,
    Row,
    SlotSnapshot,
    SnapshotCursor,
    SnapshotPage,
    SnapshotQuery,
    Unstorable,
)
from services.status.read_model.connection import (
    Database,
    advisory_lock,
    cause_of,
    is_about_values,
)
from services.status.read_model.job_queries import (
    counting,
    cursor_after,
    finding,
    listing,
)
from services.status.read_model.project_queries import read_projects
from services.status.read_model.retention_queries import (
    ended_jobs,
    jobs_in_use,
    not_emptied,
    read_ended,
)
from services.status.read_model.search_index import clear_index, create_index, drop_index
from services.status.read_model.slot_queries import (
    slot_named,
    slot_occupants,
    slots_in,
    slots_listed,
    versions_after,
)
from services.status.read_model.snapshots import next_pass, place_of, snapshot_page
from services.status.read_model.sweep_queries import due_jobs, idle_jobs, undecided_jobs
from services.status.read_model.tables import (
    LAYOUT,
    cursors,
    job_columns,
    jobs,
    label_columns,
    labels,
    log_usage,
    metadata,
    named_uploads,
    read_row,
    read_stamp,
    request_columns,
    requests,
    stamp,
    upload_columns,
    use_columns,
    uses,
)
from services.status.read_model.usage import (
    adding_usage,
    compactable_jobs,
    longest_histories,
    note_usage,
    read_history,
    read_usage,
    untrimmed_jobs,
    usage_of,
)

_NOTHING: Mapping[str, int] = {}

_MOVE_CURSOR = (
    update(cursors)
    .where(cursors.c.sequence == bindparam("before"))
    .values(sequence=bindparam("after"))
)


class SqlReadModel:
    """`ReadModel` in one database. `url` is SQLAlchemy's, with an async driver; raises UnfitDatabase."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._insert = (sqlite if self._database.dialect == "sqlite" else postgresql).insert
        self._upsert_jobs = self._upserting()
        self._insert_labels = self._insert(labels).on_conflict_do_nothing()
        self._insert_uses = self._insert(uses).on_conflict_do_nothing()
        self._insert_uploads = self._insert(named_uploads).on_conflict_do_nothing()
        self._insert_requests = self._insert(requests).on_conflict_do_nothing()
        self._add_usage = adding_usage(self._insert)

    def _upserting(self) -> Executable:
        """Made once: that takes longer than carrying it out."""
        new = self._insert(jobs)
        kept = {jobs.c.number.name, jobs.c.id.name}
        changes = {c.name: new.excluded[c.name] for c in jobs.columns if c.name not in kept}
        changes["log_bytes"] = jobs.c.log_bytes + new.excluded.log_bytes
        statement: Executable = new.on_conflict_do_update(index_elements=[jobs.c.id], set_=changes)
        return statement

    async def aclose(self) -> None:
        await self._database.aclose()

    async def prepare(self) -> None:
        async with self._transaction() as connection:
            await advisory_lock(connection)
            await connection.run_sync(cursors.create, checkfirst=True)
            known = select(cursors.c.name).where(cursors.c.name == LAYOUT)
            if await connection.scalar(known) is None:
                await drop_index(connection)
                await connection.run_sync(metadata.drop_all)
            await connection.run_sync(metadata.create_all)
            await create_index(connection)

    async def open(self, epoch: str) -> int:
        async with self._transaction() as connection:
            await advisory_lock(connection)
            found = (await connection.execute(select(cursors.c.epoch, cursors.c.sequence))).first()
            if found and found.epoch == epoch:
                return int(found.sequence)
            for table in (labels, uses, named_uploads, requests, jobs, log_usage, cursors):
                await connection.execute(delete(table))
            await clear_index(connection)
            row = {"name": LAYOUT, "epoch": epoch, "sequence": 0}
            await connection.execute(insert(cursors).values(row))
            return 0

    async def cursor(self) -> int:
        async with self._transaction() as connection:
            return int(await connection.scalar(select(cursors.c.sequence)) or 0)

    async def apply(
        self,
        rows: Sequence[Row],
        before: int,
        after: int,
        *,
        others: Mapping[str, int] = _NOTHING,
    ) -> None:
        try:
            await self._apply(rows, before, after, others)
        except Exception as error:
            if is_about_values(error):
                cause = error.__cause__
                reason = cause_of(cause if isinstance(cause, Exception) else error)
                raise Unstorable(reason) from error
            raise

    async def _apply(
        self, rows: Sequence[Row], before: int, after: int, others: Mapping[str, int]
    ) -> None:
        latest = {row.record.id: row for row in rows}

        def apply(connection: Connection) -> None:
            moved = connection.execute(_MOVE_CURSOR, {"before": before, "after": after})
            if moved.rowcount != 1:
                raise CursorConflict
            taken = usage_of(connection, latest)
            if latest:
                self._upsert(connection, list(latest.values()))
            now_taken = usage_of(connection, latest)
            note_usage(connection, self._add_usage, taken, now_taken, others)

        await self._transact(apply)

    def _upsert(self, connection: Connection, rows: list[Row]) -> None:
        connection.execute(self._upsert_jobs, [job_columns(row) for row in rows])
        if made := [request for row in rows for request in request_columns(row.record)]:
            connection.execute(self._insert_requests, made)
        kept = [row.record for row in rows if row.record.pruned_at is None]
        if named := [label for record in kept for label in label_columns(record)]:
            connection.execute(self._insert_labels, named)
        if used := [use for record in kept for use in use_columns(record)]:
            connection.execute(self._insert_uses, used)
        if brought := [upload for record in kept for upload in upload_columns(record)]:
            connection.execute(self._insert_uploads, brought)
        if pruned := [row.record.id for row in rows if row.record.pruned_at]:
            for table in (labels, uses, named_uploads):
                connection.execute(delete(table).where(table.c.job.in_(pruned)))

    async def page(self, query: ListJobs) -> Page:
        async with self._transaction() as connection:
            found = await connection.execute(await listing(connection, query))
            rows = [read_row(each) for each in found]
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return Page(rows, cursor_after(rows[-1].record, query.order) if more else None)

    async def counts(self, query: ListJobs) -> dict[str, int]:
        async with self._transaction() as connection:
            found = await connection.execute(await counting(connection, query))
            return {str(status): int(count) for status, count in found}

    async def projects(self, query: ListProjects) -> list[ProjectActivity]:
        async with self._transaction() as connection:
            return await read_projects(connection, query)

    async def find(self, query: FindJobs) -> list[FoundJob]:
        async with self._transaction() as connection:
            found = await connection.execute(await finding(connection, query))
            return [FoundJob(id=each.id, retry_of=each.retry_of) for each in found]

    async def known(self, project: str, named: Sequence[str]) -> set[str]:
        own = select(jobs.c.id).where(jobs.c.project == project, jobs.c.id.in_(named))
        return set(await self._ids(own))

    async def head(self, epoch: str) -> int:
        async with self._transaction() as connection:
            found = (await connection.execute(select(cursors.c.epoch, cursors.c.sequence))).first()
        if found is None or found.epoch != epoch:
            raise Unavailable("the read model is not there yet")
        return int(found.sequence)

    async def snapshot(
        self, query: SnapshotQuery, after: SnapshotCursor | None, *, limit: int, room: int
    ) -> SnapshotPage:
        rows: list[Found[Any]] = []
        place: SnapshotCursor | None = after
        async with self._transaction() as connection:
            while True:
                statement = snapshot_page(query, place).limit(limit - len(rows))
                found = (await connection.execute(statement)).all()
                kept = _fitting([*rows, *found], room) - len(rows)
                rows += found[:kept]
                place = place_of(query, rows[-1], place) if kept else place
                if kept < len(found) or len(rows) == limit:
                    break  # the page is full
                if (place := next_pass(query, place)) is None:
                    break
        return SnapshotPage([read_row(each) for each in rows], place)

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
            found = (await connection.execute(statement)).all()
        if not found:
            raise Unavailable("the read model is not there yet")
        first = found[0]
        return SlotSnapshot(epoch=first.epoch, sequence=int(first.cursor), slots=slots_in(found))

    async def versions(self, project: str, slot: str, after: int, limit: int) -> list[Row]:
        statement = versions_after(project, slot, after).limit(limit)
        async with self._transaction() as connection:
            found = await connection.execute(statement)
            return [replace(read_row(each), version=int(each.number)) for each in found]

    async def result(self, project: str, digest: str) -> str | None:
        statement = select(jobs.c.id).where(jobs.c.project == project, jobs.c.result == digest)
        found = await self._ids(statement.order_by(jobs.c.ended.desc()).limit(1))
        return found[0] if found else None

    async def named_uploads(self, project: str, uploads: Sequence[str]) -> list[str]:
        named = named_uploads.c
        statement = select(named.sha256).where(named.project == project, named.sha256.in_(uploads))
        return await self._ids(statement.distinct())

    async def requests(self, provider: str, named: Sequence[str]) -> list[str]:
        known = requests.c.provider == provider, requests.c.request.in_(named)
        return await self._ids(select(requests.c.request).where(*known).distinct())

    async def filled(self, project: str, slots: Sequence[str]) -> dict[str, str]:
        async with self._transaction() as connection:
            found = await connection.execute(slot_occupants(project, slots))
            return {str(each.slot): str(each.id) for each in found}

    async def unchanged_since(
        self, at: datetime, limit: int, after: IdleJob | None = None
    ) -> list[IdleJob]:
        async with self._transaction() as connection:
            found = await connection.execute(idle_jobs(at, after).limit(limit))
            return [IdleJob(read_stamp(each.changed_at), each.id) for each in found]

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

    async def trimmed(self, named: Sequence[str]) -> None:
        left = {"trimmed": True, "log_bytes": jobs.c.last_bytes}

        def trim(connection: Connection) -> None:
            # serialized with `apply`, or the totals of usage drift
            connection.execute(update(cursors).values(sequence=cursors.c.sequence))
            taken = usage_of(connection, named)
            connection.execute(update(jobs).where(jobs.c.id.in_(named)).values(left))
            now_taken = usage_of(connection, named)
            note_usage(connection, self._add_usage, taken, now_taken, _NOTHING)

        await self._transact(trim)

    async def usage(self, limit: int) -> LogUsage:
        async with self._transaction() as connection:
            return await read_usage(connection, limit)

    async def ended(self, project: str, rule: Rule, at: datetime) -> list[FinishedJob]:
        async with self._transaction() as connection:
            used = frozenset(await connection.scalars(jobs_in_use(project)))
            found = (await connection.execute(ended_jobs(project, rule, at))).all()
        # there may be many: others have to be heard meanwhile
        return await asyncio.to_thread(lambda: [read_ended(each, used) for each in found])

    async def unemptied(self, pruned_before: datetime, limit: int) -> list[str]:
        return await self._ids(not_emptied(stamp(pruned_before)).limit(limit))

    async def objects_deleted(self, named: Sequence[str]) -> None:
        async with self._transaction() as connection:
            await connection.execute(update(jobs).where(jobs.c.id.in_(named)).values(emptied=True))

    async def check(self) -> None:
        async with self._transaction() as connection:
            await connection.execute(select(1))

    async def _ids(self, statement: Select[Any]) -> list[str]:
        async with self._transaction() as connection:
            return [str(each) for each in await connection.scalars(statement)]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        with _translated():
            async with self._database.engine.begin() as connection:
                yield connection

    async def _transact(self, work: Callable[[Connection], None]) -> None:
        with _translated():
            await self._database.transact(work)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the database does not answer: {cause_of(error)}") from error


def _fitting(rows: Sequence[Found[Any]], room: int) -> int:
    """How many of the first fit into so much room; at least one, if there is one."""
    taken = 0
    for count, row in enumerate(rows):
        taken += len(row.record)
        if count and taken > room:
            return count
    return len(rows)
