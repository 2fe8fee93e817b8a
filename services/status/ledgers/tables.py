"""The tables of the read model. All times are microseconds since 1970."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from heliograph.contracts.records import Record, Step
from services.status.ledgers import Row, flatten

#: Changes with the tables. A read model of another layout is made anew, from the log.
LAYOUT = "jobs 4"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Slot = String(520).with_variant(String(520, collation="C"), "postgresql")  #: ordered byte by byte

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
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String(32), unique=True, nullable=False),
    Column("project", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("model", String(130), nullable=False),
    Column("slot", _Slot),
    Column("user", String(128)),
    Column("batch", String(32)),
    Column("retry_of", String(32)),
    Column("result", String(64)),  # digest of what was made; null for what was not made here
    Column("status", String(16), nullable=False),
    Column("step", String(32), nullable=False),
    Column("prompt", Text, nullable=False),  # and the edit prompt: what is searched for text
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("finish_by", BigInteger),
    Column("trimmed", Boolean, nullable=False, default=False),
    Column("record", Text, nullable=False),
    # the columns after `id` are filters: rows that do not match are never fetched
    Index("jobs_by_age", "project", "created_at", "id", "status", "kind", "model", "user", "slot"),
    Index("jobs_by_status", "project", "status", "created_at", "id"),
    Index("jobs_by_slot", "project", "slot", "sequence", "status"),
    Index("jobs_by_step", "step", "changed_at"),
    Index("jobs_by_batch", "project", "batch", "created_at", "id"),
    Index("jobs_by_retry", "retry_of"),
    Index("jobs_by_result", "result", "project", "sequence"),
)

labels = Table(
    "labels",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("value", Text, nullable=False),
    Column("project", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("labels_by_value", "project", "name", "value", "created_at", "job"),
)


def job_columns(row: Row) -> dict[str, Any]:
    """A row of `jobs`."""
    record = row.record
    return {
        "id": record.id,
        "project": record.project,
        "sequence": row.sequence,
        "kind": record.kind,
        "model": record.model,
        "slot": record.slot,
        "user": record.user,
        "batch": record.batch,
        "retry_of": record.retry_of,
        "result": record.internal.result_digest if _is_made(record) else None,
        "status": record.status,
        "step": str(record.step),
        "prompt": "\n".join(filter(None, (record.prompt, record.edit_prompt))),
        "created_at": stamp(record.created_at),
        "changed_at": stamp(record.internal.changed_at),
        "finished_at": stamp(record.finished_at) if record.finished_at else None,
        "finish_by": stamp(record.finish_by) if record.finish_by else None,
        "trimmed": False,
        "record": record.model_dump_json(),
    }


def _is_made(record: Record) -> bool:
    """Whether a job has a result, and it was its own."""
    return record.step is Step.SUCCEEDED and record.internal.reused is None


def label_columns(record: Record) -> list[dict[str, Any]]:
    """The rows of `labels` for a job."""
    known = {"job": record.id, "project": record.project, "created_at": stamp(record.created_at)}
    return [{**known, "name": name, "value": value} for name, value in flatten(record).items()]


def read_row(found: Any) -> Row:
    """A row as somebody selected it, by `sequence` and `record`."""
    return Row(int(found.sequence), Record.model_validate_json(found.record))


def stamp(at: datetime) -> int:
    """A time as it is stored."""
    return (at - _EPOCH) // timedelta(microseconds=1)
