"""Settings of status."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from heliograph.runtime.settings import ServiceSettings
from services.status.read_model.tables import LAYOUT


class StatusSettings(ServiceSettings):
    #: read model: `postgresql+asyncpg://<user>:<password>@<host>/<database>`; default: SQLite at home
    database_url: SecretStr | None = None
    #: seconds that slot queries wait for the read model (read-your-writes)
    read_your_writes_timeout: float = Field(default=0.5, gt=0)
    event_buffer_bytes: int = Field(default=16 * 2**20, ge=1)  #: of recent events kept in memory
    replay_limit: int = Field(
        default=10_000, ge=1
    )  #: missed events that are replayed, not reloaded
    snapshot_keeps_finished_for: timedelta = timedelta(
        minutes=30
    )  #: how long ended jobs stay in live snapshots
    live_subscribe_timeout: float = Field(
        default=5.0, gt=0
    )  #: seconds a subscription waits for the read model and the bus
    max_live: int = Field(default=2_000, ge=1)  #: live connections of one process
    max_streams: int = Field(default=500, ge=1)  #: streams of server-sent events of one process
    #: of one project, in one process; over a cap, clients are refused with a retry delay
    max_subscriptions: int = Field(default=5_000, ge=1)
    snapshots_at_once: int = Field(default=4, ge=1)  #: pages of snapshots, and parts of replays
    send_queue_bytes: int = Field(
        default=256 * 2**20, ge=2**20
    )  #: of the send queues of all clients
    sweep_interval: float = Field(default=10.0, gt=0)  #: seconds
    sweep_idle_after: float = Field(default=60.0, gt=0)  #: seconds without event and message
    submit_unknown_expires_after: timedelta = timedelta(
        hours=24
    )  #: an undecided `submit_unknown` expires
    lookup_backoff_min: float = Field(
        default=30.0, gt=0
    )  #: seconds until a lost request is looked up
    lookup_backoff_max: float = Field(default=1800.0, gt=0)  #: seconds between lookups, at most
    event_retention: timedelta = timedelta(
        days=30
    )  #: of ended jobs; then only the last event is kept
    #: how long a job that retention pruned keeps its key, from its end on; null: for ever. Longer than
    #: `plan_retention`, as batches name their jobs
    idempotency_retention: timedelta | None = None
    compaction_interval: float = Field(default=5.0, gt=0)  #: seconds between compaction rounds
    #: used part of the event log, or of a project's share of it, from which ended jobs are compacted
    compact_at: float = Field(default=0.7, gt=0, le=1)
    compact_after: timedelta = timedelta(hours=24)  #: since a job ended, before it is compacted
    #: used part of the event log from which only the last event of every job is kept
    trim_at: float = Field(default=0.93, gt=0, le=1)
    retention_interval: float = Field(default=600.0, gt=0)  #: seconds between retention rounds
    #: seconds between pruning a job and deleting its objects; longer than accepting a job takes
    object_grace_period: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _keeps_keys_longer_than_plans(self) -> Self:
        kept = self.idempotency_retention
        if kept is not None and kept < self.plan_retention:
            raise ValueError(
                "HELIOGRAPH_IDEMPOTENCY_RETENTION is shorter than HELIOGRAPH_PLAN_RETENTION:"
                " batches would name jobs that are gone"
            )
        return self

    @property
    def database(self) -> str:
        """Database URL for SQLAlchemy, with the password."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.sqlite_file}"

    @property
    def sqlite_file(self) -> Path:
        """The read model at home: a file for each layout, so that two releases run side by side."""
        file, layout = self.folder.database, LAYOUT.replace(" ", "-")
        return file.with_name(f"{file.stem}-{layout}{file.suffix}")
