"""Settings every service shares; each service adds its own. Read from HELIOGRAPH_* and `.env`."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from heliograph.runtime.authorities import (
    checked_endpoint,
    checked_host,
    checked_host_pattern,
    checked_origin,
    checked_url,
    is_loopback,
)
from heliograph.runtime.data_dir import DataDir
from heliograph.runtime.renamed_settings import accept_old_names
from heliograph.runtime.token_settings import TokenSettings

NO_ENV_FILE = "HELIOGRAPH_NO_ENV_FILE"  #: set: `.env` is not read

HOSTED_PROVIDERS = ("fal", "replicate", "gemini", "openai")

#: where providers say that their results are: fal, Replicate, OpenAI's models that answer by address;
#: Gemini's come inside its answers
RESULT_HOSTS = (
    "*.fal.media",
    "replicate.delivery",
    "*.replicate.delivery",
    "oaidalleapiprodscus.blob.core.windows.net",
)


def _split(names: Any) -> Any:
    """The parts of a text between commas, without spaces around them; anything else unchanged."""
    if isinstance(names, str):
        return [name.strip() for name in names.split(",") if name.strip()]
    return names


#: several values in one variable, separated by commas
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")]


class ServiceSettings(TokenSettings):
    """Settings shared by all services."""

    model_config = SettingsConfigDict(
        env_prefix="HELIOGRAPH_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # there are keys and passwords in it
    )

    home: Path = Path(".heliograph")  #: all local state
    host: str = "127.0.0.1"  #: what the services bind
    gateway_port: int = Field(default=8080, ge=0, le=65535)
    status_port: int = Field(default=8081, ge=0, le=65535)
    storage_port: int = Field(default=8082, ge=0, le=65535)
    render_port: int = Field(default=8083, ge=0, le=65535)
    nats_port: int = Field(default=4222, ge=1, le=65535)
    #: bytes that the bundled NATS may take on disk; less where the disk has less
    nats_max_store: int = Field(default=16 * 2**30, ge=2**20)
    s3_port: int = Field(default=9000, ge=1, le=65535)
    #: of the bundled store without the range proxy, for our own services
    s3_internal_port: int = Field(default=9001, ge=1, le=65535)

    public_url: str | None = None  #: of the gateway, as clients see it
    status_public_url: str | None = None
    storage_public_url: str | None = None
    #: of browsers, for CORS and live connections, separated by commas
    allowed_origins: CommaList = Field(default_factory=list)
    #: further host names of the services, as `name` or `name:port`, separated by commas
    allowed_hosts: CommaList = Field(default_factory=list)
    #: storage as render reaches it, for uploads of inline outputs; null: storage on this host
    storage_internal_url: Url | None = None

    #: hosts (with port) that results may be fetched from, beside the providers' own; comma-separated
    provider_hosts: CommaList = Field(default_factory=list)
    #: hosts (with port) in our network whose references may be read for providers that cannot fetch
    #: them; comma-separated
    reference_hosts: CommaList = Field(default_factory=list)

    nats_url: str | None = None  #: use this server instead of the bundled one; with credentials
    nats_monitor_url: str | None = None  #: HTTP monitoring URL of that server
    s3_endpoint: str | None = None  #: use this store instead of the bundled one
    s3_public_endpoint: str | None = None  #: the host that URLs are signed for
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = "heliograph"
    s3_region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]{1,64}$")  #: signed with

    #: `keys`: whoever asks needs a key; `off` is allowed on loopback only
    auth: Literal["off", "keys"] = "off"
    #: with keys: who may read `/metrics`; `admin`: holders of a key with that scope
    metrics_access: Literal["open", "admin"] = "admin"
    docs: bool = True  #: whether `/docs` and `/openapi.json` are served, to everybody
    max_keys: int = Field(default=10_000, ge=16)  #: keys, those that were revoked included

    models: Path | None = None  #: YAML files that override shipped entries
    kinds: Path | None = None
    lanes: Path | None = None
    accounts: Path | None = None

    #: of fal, in its own variable; without it fal's models are unavailable
    fal_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("FAL_KEY", "fal_key")
    )
    fal_base_url: Url | None = None  #: a server in place of all of fal's hosts; null: fal itself
    #: of other providers, each in its own variable; without it their models are unavailable
    replicate_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("REPLICATE_API_TOKEN", "REPLICATE_API_KEY", "replicate_key"),
    )
    gemini_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("GEMINI_API_KEY", "GOOGLE_API_KEY", "gemini_key"),
    )
    #: optional for a server of one's own, see `openai_base_url`
    openai_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_key")
    )
    replicate_base_url: Url | None = None  #: a server in Replicate's place
    gemini_base_url: Url | None = None  #: a server in Gemini's place
    openai_base_url: Url | None = None  #: any OpenAI-compatible server, with its `/v1`
    #: hosted providers that have credentials, comma-separated, for a process that has none itself;
    #: null: those whose credentials are here
    configured_providers: CommaList | None = None

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] | None = None  #: text on a terminal, else json

    #: seconds for the headers of a request, from the start of its connection or the previous response
    header_deadline: float = Field(default=10.0, gt=0, le=10)
    max_connections: int = Field(default=4_096, ge=16)  #: of clients, in one process
    ack_wait: float = Field(
        default=20.0, gt=0
    )  #: seconds without a heartbeat until a message is redelivered
    submit_limit: float = Field(default=30.0, gt=0)  #: seconds for the one POST of an attempt
    shutdown_grace_period: float = Field(
        default=10.0, gt=0
    )  #: seconds to finish work in progress after SIGTERM
    presign_timeout: float = Field(
        default=0.3, gt=0
    )  #: seconds to wait for presigned URLs of a job
    storage_concurrency: int = Field(default=8, ge=1)  #: jobs stored concurrently, by all processes
    reference_copies: int = Field(
        default=10_000, ge=1
    )  #: entries of the upload cache, of all providers
    #: bound in bytes of each stream and bucket; their sum must fit `max_file_store` of the NATS server
    events_max_bytes: int = Field(default=4 * 2**30, ge=2**20)  #: of the event log
    work_max_bytes: int = Field(
        default=512 * 2**20, ge=2**16
    )  #: of the work queue: 200,000 jobs and more
    #: first events, or queue entries, of one process that are committed as one atomic batch; fewer are
    #: stored one by one, which a server with a fast disk does faster
    group_commit_from: int = Field(default=20, ge=2)
    requests_max_bytes: int = Field(default=128 * 2**20, ge=2**16)  #: of requests from the bus
    refusals_max_bytes: int = Field(
        default=64 * 2**20, ge=2**16
    )  #: of refusals; the oldest are dropped
    dead_max_bytes: int = Field(
        default=64 * 2**20, ge=2**16
    )  #: of dead letters; the oldest are dropped
    slots_max_bytes: int = Field(default=256 * 2**20, ge=2**16)  #: of slots, in all projects
    plans_max_bytes: int = Field(default=256 * 2**20, ge=2**16)  #: of plans; the oldest are dropped
    plan_retention: timedelta = timedelta(days=90)  #: how long batches and actions can be read
    max_projects: int = Field(default=10_000, ge=1)  #: projects with their own settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then `.env`, unless the parent process has read that."""
        if os.environ.get(NO_ENV_FILE):
            return accept_old_names(settings_cls, init_settings, env_settings)
        return accept_old_names(settings_cls, init_settings, env_settings, dotenv_settings)

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: list[str]) -> list[str]:
        return [checked_host(host) for host in hosts]

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        return [checked_origin(origin) for origin in origins]

    @field_validator("provider_hosts", "reference_hosts")
    @classmethod
    def _are_host_patterns(cls, hosts: list[str]) -> list[str]:
        return [checked_host_pattern(host) for host in hosts]

    @field_validator("public_url", "status_public_url", "storage_public_url", "nats_monitor_url")
    @classmethod
    def _are_urls(cls, url: str | None) -> str | None:
        return checked_url(url) if url else None

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _are_endpoints(cls, url: str | None) -> str | None:
        return checked_endpoint(url) if url else None

    @field_validator(
        "fal_key",
        "fal_base_url",
        "replicate_key",
        "replicate_base_url",
        "gemini_key",
        "gemini_base_url",
        "openai_key",
        "openai_base_url",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("nats_url", mode="after")
    @classmethod
    def _is_nats(cls, url: str | None) -> str | None:
        if url is not None and not _is_address(url, ("nats", "tls", "ws", "wss")):
            raise ValueError(
                "not of the form nats://<user>:<password>@<host>:<port>;"
                " other characters than letters and digits are percent-encoded there"
            )
        return url

    @model_validator(mode="after")
    def _loopback_without_auth(self) -> Self:
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(f"HELIOGRAPH_AUTH=off needs a loopback address, not {self.host}")
        return self

    @property
    def gateway_url(self) -> str:
        return _url(self.public_url, self.host, self.gateway_port)

    @property
    def status_url(self) -> str:
        return _url(self.status_public_url, self.host, self.status_port)

    @property
    def storage_url(self) -> str:
        return _url(self.storage_public_url, self.host, self.storage_port)

    @property
    def render_url(self) -> str:
        """URL of render inside the deployment."""
        return _url(None, self.host, self.render_port)

    @property
    def storage_door(self) -> str:
        return self.storage_internal_url or self.storage_url

    @property
    def public_urls(self) -> list[str]:
        """Under which clients, pages, and our own services reach this one."""
        public = (self.public_url, self.status_public_url, self.storage_public_url)
        return [url for url in (*public, self.storage_internal_url) if url]

    @property
    def known_ports(self) -> frozenset[int]:
        """Of all services, as far as the settings say; 0 is chosen when it is bound."""
        ports = {self.gateway_port, self.status_port, self.storage_port, self.render_port}
        return frozenset(ports - {0})

    @property
    def nats(self) -> str:
        """URL of NATS. An outside server's may hold a password."""
        return self.nats_url or f"nats://{_place(self.host, self.nats_port)}"

    @property
    def nats_login(self) -> str:
        """URL of NATS with the credentials of a service: for clients, never for logs."""
        if self.nats_url:
            return self.nats_url
        credentials = self.folder.nats_credentials()
        return self._nats_as(credentials.user, credentials.password)

    @property
    def nats_monitor_login(self) -> str | None:
        """URL of the bundled NATS with the monitor's credentials; None: an outside server."""
        if self.nats_url:
            return None
        credentials = self.folder.nats_credentials()
        return self._nats_as(credentials.monitor_user, credentials.monitor_password)

    def _nats_as(self, user: str, password: SecretStr) -> str:
        login = f"{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}"
        return f"nats://{login}@{_place(self.host, self.nats_port)}"

    @property
    def s3(self) -> str:
        return self.s3_endpoint or f"http://{_place(self.host, self.s3_port)}"

    @property
    def s3_internal(self) -> str:
        """The store as our own services reach it: they ask the bundled one for no ranges."""
        return self.s3_endpoint or f"http://{_place(self.host, self.s3_internal_port)}"

    @property
    def usable_providers(self) -> list[str]:
        """Hosted ones that can be used here."""
        return [name for name in HOSTED_PROVIDERS if name not in self.unusable_providers]

    @property
    def unusable_providers(self) -> dict[str, str]:
        """Providers that cannot be used here, each with the reason."""
        keys = {
            "fal": (self.fal_key, "FAL_KEY is not set"),
            "replicate": (self.replicate_key, "REPLICATE_API_TOKEN is not set"),
            "gemini": (self.gemini_key, "GEMINI_API_KEY is not set"),
            "openai": (self.openai_key or self.openai_base_url, "OPENAI_API_KEY is not set"),
        }
        if self.configured_providers is not None:
            there = {name: name in self.configured_providers for name in keys}
        else:
            there = {name: bool(key) for name, (key, _) in keys.items()}
        return {name: reason for name, (_, reason) in keys.items() if not there[name]}

    @property
    def hosts_of_results(self) -> list[str]:
        """Hosts of results of hosted providers."""
        bases = (self.fal_base_url, self.replicate_base_url, self.openai_base_url)
        elsewhere = [place for base in bases if base for place in _places_of(base)]
        return [*RESULT_HOSTS, *elsewhere]

    @property
    def folder(self) -> DataDir:
        return DataDir(self.home.absolute())


def _url(public: str | None, host: str, port: int) -> str:
    return (public or f"http://{_place(host, port)}").rstrip("/")


def _places_of(url: str) -> list[str]:
    """A host and port, under all the names that this machine gives itself."""
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        return [parts.netloc]
    found = re.search(r":[^:\]]*$", parts.netloc)
    port = found[0] if found else ""
    return list(dict.fromkeys([parts.netloc, f"127.0.0.1{port}", f"localhost{port}"]))


def _place(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it can be parsed. What cannot must not get far: errors of parsers show parts of it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
