"""Settings every service shares; each service adds its own. Read from HELIOGRAPH_* and `.env`."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from heliograph.runtime.authorities import is_loopback
from heliograph.runtime.bus_settings import BusSettings
from heliograph.runtime.provider_settings import ProviderSettings
from heliograph.runtime.renamed_settings import accept_old_names
from heliograph.runtime.secret_files import secret_files
from heliograph.runtime.setting_types import Url
from heliograph.runtime.store_settings import StoreSettings
from heliograph.runtime.token_settings import TokenSettings

NO_ENV_FILE = "HELIOGRAPH_NO_ENV_FILE"  #: set: `.env` is not read


class ServiceSettings(BusSettings, StoreSettings, ProviderSettings, TokenSettings):
    """Settings shared by all services."""

    model_config = SettingsConfigDict(
        env_prefix="HELIOGRAPH_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # there are keys and passwords in it
    )

    #: `keys`: every request needs a key; `off` is allowed on loopback only
    auth: Literal["off", "keys"] = "off"
    #: with keys: who may read `/metrics`; `keys`: holders of a key with the scope `metrics:read`
    metrics_access: Literal["open", "keys"] = "keys"
    docs: bool = True  #: whether `/docs` and `/openapi.json` are served, to everybody

    models: Path | None = None  #: YAML files that override shipped entries
    kinds: Path | None = None
    lanes: Path | None = None
    accounts: Path | None = None

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] | None = None  #: text on a terminal, else json
    #: where spans are sent, over OTLP/HTTP, as `http://127.0.0.1:4318`; null: nothing is traced
    otlp_endpoint: Url | None = None

    submit_limit: float = Field(default=30.0, gt=0)  #: seconds for the one POST of an attempt
    #: seconds to finish work in progress after SIGTERM
    shutdown_grace_period: float = Field(default=10.0, gt=0)
    #: seconds to wait for presigned URLs of a job
    presign_timeout: float = Field(default=0.3, gt=0)
    #: jobs stored concurrently, by all processes
    storage_concurrency: int = Field(default=64, ge=1)
    #: references that are known to be at providers; beyond, the least recently used is forgotten
    reference_copies: int = Field(default=10_000, ge=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """
        Arguments, then the environment, then `.env`, unless the parent process has read that, then
        secrets in files.
        """
        files = secret_files(settings_cls)
        if os.environ.get(NO_ENV_FILE):
            return accept_old_names(settings_cls, init_settings, env_settings, *files)
        return accept_old_names(settings_cls, init_settings, env_settings, dotenv_settings, *files)

    @model_validator(mode="after")
    def _loopback_without_auth(self) -> Self:
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(f"HELIOGRAPH_AUTH=off needs a loopback address, not {self.host}")
        return self
