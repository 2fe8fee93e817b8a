"""Which servers tests use: environment variables that begin with HELIOGRAPH_TEST_."""

from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """What a developer, or CI, can say about the servers."""

    model_config = SettingsConfigDict(
        env_prefix="HELIOGRAPH_TEST_", frozen=True, hide_input_in_errors=True
    )

    nats_url: str | None = None  #: a server without streams, `sync_interval: always`
    nats_monitor_url: str | None = None  #: its monitoring port; without it the interval is believed

    s3_url: str | None = None  #: a store that tests may fill; they make buckets and leave them
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None

    #: `postgresql+asyncpg://…` of a superuser; users, schemas and databases are made there, and dropped
    postgres_url: str | None = None

    minio: Path | None = None  #: a MinIO program to run instead of the bundled S3 server

    #: `auto`: where they can be had; `on`: fail where they cannot; `off`: never
    containers: Literal["auto", "on", "off"] = "auto"
    nats_image: str = "nats:2.14"
    s3_image: str = "minio/minio:latest"
    postgres_image: str = "postgres:18"

    @model_validator(mode="after")
    def _store_comes_with_keys(self) -> Self:
        if self.s3_url and not (self.s3_access_key and self.s3_secret_key):
            raise ValueError(
                "HELIOGRAPH_TEST_S3_URL needs HELIOGRAPH_TEST_S3_ACCESS_KEY and …_S3_SECRET_KEY"
            )
        return self
