"""Projection of events into the read model in SQL: rows and cursor move in one transaction."""

from collections.abc import Mapping, Sequence
from importlib import import_module

from sqlalchemy import (
    Connection,
    Executable,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from heliograph.contracts.errors import Unavailable
from services.status.read_model import CursorConflict, Unstorable
from services.status.read_model.connection import advisory_lock
from services.status.read_model.database_errors import cause_of, is_about_values
from services.status.read_model.row_columns import (
    job_columns,
    label_columns,
    request_columns,
    upload_columns,
    use_columns,
)
from services.status.read_model.rows import History, Row
from services.status.read_model.search_index import clear_index, create_index, drop_index
from services.status.read_model.sql_session import SqlSession
from services.status.read_model.tables import (
    LAYOUT,
    add_index_options,
    cursors,
    jobs,
    labels,
    log_usage,
    metadata,
    named_uploads,
    requests,
    uses,
)
from services.status.read_model.usage import (
    adding_usage,
    note_usage,
    usage_of,
)

_NOTHING: Mapping[str, int] = {}


_MOVE_CURSOR = (
    update(cursors)
    .where(cursors.c.sequence == bindparam("before"))
    .values(sequence=bindparam("after"))
)


class SqlProjection(SqlSession):
    """Applies events to the tables."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        dialect = self._database.dialect
        add_index_options(dialect)
        self._insert = import_module(f"sqlalchemy.dialects.{dialect}").insert
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
            last = (await connection.execute(select(cursors.c.epoch, cursors.c.sequence))).first()
            if last and last.epoch == epoch:
                return int(last.sequence)
            for table in (labels, uses, named_uploads, requests, jobs, log_usage, cursors):
                await connection.execute(delete(table))
            await clear_index(connection)
            row = {"name": LAYOUT, "epoch": epoch, "sequence": 0}
            await connection.execute(insert(cursors).values(row))
            return 0

    async def cursor(self) -> int:
        async with self._transaction() as connection:
            return int(await connection.scalar(select(cursors.c.sequence)) or 0)

    async def head(self, epoch: str) -> int:
        async with self._transaction() as connection:
            last = (await connection.execute(select(cursors.c.epoch, cursors.c.sequence))).first()
        if last is None or last.epoch != epoch:
            raise Unavailable("the read model is not there yet")
        return int(last.sequence)

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
        if uploads := [upload for record in kept for upload in upload_columns(record)]:
            connection.execute(self._insert_uploads, uploads)
        if pruned := [row.record.id for row in rows if row.record.pruned_at]:
            for table in (labels, uses, named_uploads):
                connection.execute(delete(table).where(table.c.job.in_(pruned)))

    async def removed(self, gone: Sequence[History]) -> None:
        seen = tuple_(jobs.c.id, jobs.c.sequence).in_([(each.id, each.sequence) for each in gone])

        def remove(connection: Connection) -> None:
            # serialized with `apply`, as in `trimmed`
            connection.execute(update(cursors).values(sequence=cursors.c.sequence))
            named = [str(each) for each in connection.scalars(select(jobs.c.id).where(seen))]
            taken = usage_of(connection, named)
            connection.execute(delete(jobs).where(jobs.c.id.in_(named)))
            note_usage(connection, self._add_usage, taken, {}, _NOTHING)

        if gone:
            await self._transact(remove)

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
