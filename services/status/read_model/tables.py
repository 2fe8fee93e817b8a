"""The tables of the read model. All times are microseconds since 1970."""

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
    text,
)

from services.status.read_model.column_types import UserText

#: Changes with the tables. A read model of another layout is made anew, from the log.
LAYOUT = "jobs 13"

metadata = MetaData()


def _partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of the few rows for which a condition holds."""
    options = {"where": text(where)}
    return Index(name, *columns, info={"sqlite": options, "postgresql": options})


def add_index_options(dialect: str) -> None:
    """
    Give the indices their options of a dialect, which are in their `info`; call it before they are created.

    As arguments of an index, options load their dialect: both, where one is used.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options[dialect].update(index.info.get(dialect, {}))


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
    Column("ended", BigInteger, nullable=False),  # sequence of its end; of an open job, so far
    Column("kind", UserText(64), nullable=False),
    Column("model", UserText(130), nullable=False),
    Column("slot", UserText(520)),
    Column("user", UserText(128)),
    Column("access_key", UserText(64)),  # id of the API key that asked for it
    Column("batch", UserText(32)),
    Column("retry_of", String(32)),
    Column("result", String(64)),  # digest of what was made; null for what was not made here
    Column("status", String(16), nullable=False),
    Column("step", String(32), nullable=False),
    Column("version", Boolean, nullable=False),  # it succeeded as a version of its slot
    Column("prompt", Text, nullable=False),  # and the edit prompt, folded: what is searched
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("finish_by", BigInteger),
    Column("currency", UserText(16), nullable=False),
    Column("estimated", BigInteger, nullable=False),  # amounts are in billionths of the currency
    Column("actual", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("objects", Integer, nullable=False),  # in the store, made by this job
    Column("bytes", BigInteger, nullable=False),
    Column("log_bytes", BigInteger, nullable=False),  # of its events, in the log
    Column("last_bytes", BigInteger, nullable=False),  # of the last one of them
    Column("reserve", BigInteger, nullable=False),  # of those that it still needs
    Column("compacted", Boolean, nullable=False, default=False),  # or it cannot be made smaller
    Column("newest", BigInteger, nullable=False),  # no event before the last one is newer than this
    Column("trimmed", Boolean, nullable=False, default=False),
    Column("pruned", Boolean, nullable=False, default=False),
    Column(
        "emptied", Boolean, nullable=False, default=False
    ),  # its objects are gone from the store
    Column("record", Text, nullable=False),
    # the columns after `id` are filters: rows that do not match are never fetched
    Index(
        *("jobs_by_age", "project", "created_at", "id"),
        *("status", "kind", "model", "user", "slot", "pruned"),
    ),
    Index(
        *("jobs_by_status", "project", "status", "created_at", "id"),
        *("kind", "model", "user", "slot", "pruned"),
    ),
    # the number is in every index of SQLite
    Index(
        *("jobs_by_slot", "project", "slot", "ended", "status", "version", "pruned"),
        info={"postgresql": {"include": ["number"]}},
    ),
    Index("jobs_by_end", "project", "finished_at", "created_at", "id", "pruned"),
    # what the log could do without, the most first; and what ended long ago, in all projects
    Index("jobs_by_history", text("(log_bytes - last_bytes)")),
    Index("jobs_by_finish", "finished_at", "trimmed", "last_bytes"),
    _partial_index("jobs_open", "changed_at", where="finished_at IS NULL"),
    Index("jobs_by_step", "step", "changed_at"),
    _partial_index(
        *("jobs_by_batch", "project", "batch", "created_at", "id"), where="batch IS NOT NULL"
    ),
    _partial_index("jobs_by_retry", "retry_of", where="retry_of IS NOT NULL"),
    Index("jobs_by_result", "result", "project", "ended"),
)

#: bytes of the event log that projects take: kept up with every change of `jobs`
log_usage = Table(
    "log_usage",
    metadata,
    Column("project", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("reserve", BigInteger, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", UserText(80), primary_key=True),
    Column("value", UserText, nullable=False),
    Column("project", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("labels_by_value", "project", "name", "value", "created_at", "job"),
)


#: which jobs need what others made
uses = Table(
    "uses",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("used", String(32), primary_key=True),
    Column("kept", Boolean, nullable=False),  # for as long as it is kept, not only until it ends
    Index("uses_by_used", "used"),
)


#: which jobs name an upload: as a reference, or as what a response brought
named_uploads = Table(
    "named_uploads",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("project", String(64), nullable=False),
    Index("named_uploads_by_digest", "project", "sha256"),
)


#: requests at providers that attempts have; they stay when the job is pruned
requests = Table(
    "requests",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("request", UserText(512), primary_key=True),
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
)
