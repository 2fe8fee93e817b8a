"""The read model in SQL: SQLite by default, PostgreSQL for several machines."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    MetaData,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    event,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from heliograph.contracts.errors import Unavailable, ValidationFailed
from heliograph.contracts.names import JOB_PATTERN, matches
from heliograph.contracts.queries import ListJobs
from heliograph.contracts.records import FINAL, Record, Step
from services.status.ledgers import OutOfStep, Page, Row, Snapshot, flatten

_FINAL = tuple(str(step) for step in FINAL)
_CURSOR = "jobs"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 2**63 - 1  #: the largest number a column holds

metadata = MetaData()

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("epoch", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("model", String(130), nullable=False),
    Column("slot", String(520)),
    Column("user", String(128)),
    Column("status", String(16), nullable=False),
    Column("step", String(32), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # microseconds since 1970, as all times here
    Column("changed_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("finish_by", BigInteger),
    Column("trimmed", Boolean, nullable=False, default=False),
    Column("record", Text, nullable=False),
    Index("jobs_by_age", "project", "created_at", "id"),
    Index("jobs_by_status", "project", "status", "created_at", "id"),
    Index("jobs_by_step", "step", "changed_at"),
)

labels = Table(
    "labels",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("value", Text, nullable=False),
)


class SqlLedger:
    """`Ledger` in one database. `url` is SQLAlchemy's, with an async driver."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url, pool_pre_ping=True)
        self._insert = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _set_up_sqlite)

    async def aclose(self) -> None:
        await self._engine.dispose()

    async def prepare(self) -> None:
        async with self._transaction() as connection:
            await connection.run_sync(metadata.create_all)

    async def open(self, epoch: str) -> int:
        async with self._transaction() as connection:
            found = (await connection.execute(select(cursors.c.epoch, cursors.c.sequence))).first()
            if found and found.epoch == epoch:
                return int(found.sequence)
            for table in (labels, jobs, cursors):
                await connection.execute(delete(table))
            row = {"name": _CURSOR, "epoch": epoch, "sequence": 0}
            await connection.execute(insert(cursors).values(row))
            return 0

    async def apply(self, rows: Sequence[Row], before: int, after: int) -> None:
        latest = {row.record.id: row for row in rows}
        async with self._transaction() as connection:
            moved = await connection.execute(
                update(cursors).where(cursors.c.sequence == before).values(sequence=after)
            )
            if moved.rowcount != 1:
                raise OutOfStep
            if latest:
                await self._upsert(connection, list(latest.values()))

    async def _upsert(self, connection: AsyncConnection, rows: list[Row]) -> None:
        new = self._insert(jobs)
        changes = {c.name: new.excluded[c.name] for c in jobs.columns if c.name != "id"}
        statement = new.on_conflict_do_update(index_elements=[jobs.c.id], set_=changes)
        await connection.execute(statement, [_columns(row) for row in rows])
        named = [
            {"job": row.record.id, "name": name, "value": value}
            for row in rows
            for name, value in flatten(row.record).items()
        ]
        if named:
            await connection.execute(self._insert(labels).on_conflict_do_nothing(), named)

    async def page(self, query: ListJobs) -> Page:
        statement = _filtered(select(jobs.c.sequence, jobs.c.record), query)
        statement = statement.order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        async with self._transaction() as connection:
            found = await connection.execute(statement.limit(query.limit + 1))
            rows = [_row(each) for each in found]
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return Page(rows, cursor_after(rows[-1].record) if more else None)

    async def snapshot(
        self, project: str, jobs_named: Sequence[str] | None, final_since: datetime
    ) -> Snapshot:
        if jobs_named is None:
            shown = or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= _stamp(final_since))
        else:
            shown = jobs.c.id.in_(jobs_named)
        # one statement, so that the rows are of the cursor's moment on every database
        wanted = and_(jobs.c.project == project, shown)
        statement = select(cursors.c.sequence.label("cursor"), jobs.c.sequence, jobs.c.record)
        statement = statement.select_from(cursors.outerjoin(jobs, wanted))
        statement = statement.order_by(jobs.c.created_at, jobs.c.id)
        async with self._transaction() as connection:
            found = (await connection.execute(statement)).all()
        if not found:
            raise Unavailable("the read model is not there yet")
        return Snapshot(int(found[0].cursor), [_row(each) for each in found if each.record])

    async def unchanged_since(self, at: datetime, limit: int) -> list[str]:
        statement = select(jobs.c.id).where(
            jobs.c.finished_at.is_(None), jobs.c.changed_at < _stamp(at)
        )
        return await self._ids(statement.order_by(jobs.c.changed_at).limit(limit))

    async def due(self, at: datetime, unknown_since: datetime, limit: int) -> list[str]:
        undecided = and_(
            jobs.c.step == str(Step.SUBMIT_UNKNOWN), jobs.c.changed_at < _stamp(unknown_since)
        )
        statement = select(jobs.c.id).where(
            jobs.c.finished_at.is_(None), or_(jobs.c.finish_by <= _stamp(at), undecided)
        )
        return await self._ids(statement.limit(limit))

    async def undecided(self, limit: int) -> list[str]:
        statement = select(jobs.c.id).where(jobs.c.step == str(Step.SUBMIT_UNKNOWN))
        return await self._ids(statement.order_by(jobs.c.changed_at).limit(limit))

    async def untrimmed(self, finished_before: datetime, limit: int) -> list[tuple[str, str]]:
        statement = select(jobs.c.project, jobs.c.id).where(
            jobs.c.step.in_(_FINAL),
            jobs.c.changed_at < _stamp(finished_before),
            jobs.c.trimmed.is_(False),
        )
        async with self._transaction() as connection:
            found = await connection.execute(statement.limit(limit))
            return [(each.project, each.id) for each in found]

    async def trimmed(self, named: Sequence[str]) -> None:
        async with self._transaction() as connection:
            await connection.execute(update(jobs).where(jobs.c.id.in_(named)).values(trimmed=True))

    async def check(self) -> None:
        async with self._transaction() as connection:
            await connection.execute(select(1))

    async def _ids(self, statement: Select[Any]) -> list[str]:
        async with self._transaction() as connection:
            return [str(each) for each in await connection.scalars(statement)]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"the database does not answer: {type(error).__name__}") from error


def cursor_after(record: Record) -> str:
    """Where a list goes on after a job: opaque, and stable whatever comes in meanwhile."""
    plain = f"{_stamp(record.created_at)}.{record.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[int, str]:
    """Raises ValidationFailed for what is no cursor of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created, job = base64.urlsafe_b64decode(padded.encode()).decode().split(".")
        if matches(JOB_PATTERN, job) and 0 <= int(created) <= _LATEST:
            return int(created), job
    except (ValueError, binascii.Error):
        pass
    raise ValidationFailed.at("/query/cursor", "is not one that was given out")


def _filtered(statement: Select[Any], query: ListJobs) -> Select[Any]:
    where = [jobs.c.project == query.project]
    for column in ("status", "kind", "model", "user"):
        value = getattr(query, column)
        if value is not None:
            where.append(jobs.c[column] == value)
    if query.slot is not None:
        # LIKE of SQLite does not tell capitals from small letters
        where.append(func.substr(jobs.c.slot, 1, len(query.slot)) == query.slot)
    if query.q is not None:
        where.append(jobs.c.prompt.icontains(query.q, autoescape=True))
    if query.created_after is not None:
        where.append(jobs.c.created_at >= _stamp(query.created_after))
    if query.created_before is not None:
        where.append(jobs.c.created_at <= _stamp(query.created_before))
    named = {f"tag.{n}": v for n, v in query.tags.items()}
    named |= {f"param.{n}": v for n, v in query.parameters.items()}
    for name, value in named.items():
        matching = and_(labels.c.job == jobs.c.id, labels.c.name == name, labels.c.value == value)
        where.append(exists().where(matching))
    if query.cursor is not None:
        where.append(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*read_cursor(query.cursor)))
    return statement.where(*where)


def _columns(row: Row) -> dict[str, Any]:
    record = row.record
    return {
        "id": record.id,
        "project": record.project,
        "sequence": row.sequence,
        "kind": record.kind,
        "model": record.model,
        "slot": record.slot,
        "user": record.user,
        "status": record.status,
        "step": str(record.step),
        "prompt": record.prompt,
        "created_at": _stamp(record.created_at),
        "changed_at": _stamp(record.internal.changed_at),
        "finished_at": _stamp(record.finished_at) if record.finished_at else None,
        "finish_by": _stamp(record.finish_by) if record.finish_by else None,
        "trimmed": False,
        "record": record.model_dump_json(),
    }


def _row(found: Any) -> Row:
    return Row(int(found.sequence), Record.model_validate_json(found.record))


def _stamp(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _set_up_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=5000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
