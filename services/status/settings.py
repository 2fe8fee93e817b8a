"""What an operator can change about status."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr

from heliograph.runtime.settings import ServiceSettings
from services.status.read_model.tables import LAYOUT


class StatusSettings(ServiceSettings):
    #: read model: `postgresql+asyncpg://<user>:<password>@<host>/<database>`; default: SQLite at home
    database_url: SecretStr | None = None
    #: seconds that answers about slots wait for the read model; then they are what it has
    read_your_writes_timeout: float = Field(default=0.5, gt=0)
    event_buffer_bytes: int = Field(default=16 * 2**20, ge=1)  #: of recent events kept in memory
    replay_limit: int = Field(
        default=10_000, ge=1
    )  #: missed events that are replayed, not reloaded
    snapshot_keeps_finished_for: timedelta = timedelta(
        minutes=30
    )  #: final jobs stay in snapshots so long
    live_subscribe_timeout: float = Field(
        default=5.0, gt=0
    )  #: seconds a subscription waits to be served
    max_live: int = Field(default=2_000, ge=1)  #: live connections of one process
    max_streams: int = Field(default=500, ge=1)  #: streams of server-sent events of one process
    #: of one project, in one process; over a cap, clients are told to come back later
    max_subscriptions: int = Field(default=5_000, ge=1)
    snapshots_at_once: int = Field(default=4, ge=1)  #: pages of snapshots that are made at once
    send_queue_bytes: int = Field(default=256 * 2**20, ge=2**20)  #: that wait for clients, in all
    sweep_interval: float = Field(default=10.0, gt=0)  #: seconds
    sweep_idle_after: float = Field(default=60.0, gt=0)  #: seconds without event and message
    submit_unknown_expires_after: timedelta = timedelta(
        hours=24
    )  #: an undecided `submit_unknown` expires
    lookup_backoff_min: float = Field(
        default=30.0, gt=0
    )  #: seconds until a lost request is looked for
    lookup_backoff_max: float = Field(default=1800.0, gt=0)  #: seconds between looks, at most
    event_retention: timedelta = timedelta(
        days=30
    )  #: of final jobs; then only the last one is kept
    compaction_interval: float = Field(default=5.0, gt=0)  #: seconds between looks at the event log
    #: part of the event log, or of a project's share of it, from which on ended jobs are compacted
    compact_at: float = Field(default=0.7, gt=0, le=1)
    compact_after: timedelta = timedelta(hours=24)  #: since a job ended, before it may be
    #: part of the event log from which on of every job only its last event is kept
    trim_at: float = Field(default=0.93, gt=0, le=1)
    retention_interval: float = Field(default=600.0, gt=0)  #: seconds between looks at what goes
    #: seconds that objects outlive their job; longer than it takes to accept one that works from them
    object_grace_period: float = Field(default=60.0, gt=0)

    @property
    def database(self) -> str:
        """As SQLAlchemy names it, with the password."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.sqlite_file}"

    @property
    def sqlite_file(self) -> Path:
        """The read model at home: a file for each layout, so that two releases run side by side."""
        file, layout = self.folder.database, LAYOUT.replace(" ", "-")
        return file.with_name(f"{file.stem}-{layout}{file.suffix}")
