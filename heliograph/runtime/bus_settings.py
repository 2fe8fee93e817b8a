"""Settings of the bus: the NATS server, and the bound of each stream and bucket."""

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from heliograph.runtime.authorities import checked_url, host_and_port
from heliograph.runtime.deployment_settings import DeploymentSettings
from heliograph.runtime.nats_tls import tls_context
from heliograph.runtime.nats_users import public_nkey

_NATS_PORT = 4222  #: the default


class BusSettings(DeploymentSettings):
    """The server, and what may lie on it. The sum of bounds must fit its `max_file_store`."""

    nats_port: int = Field(default=4222, ge=1, le=65535)
    #: bytes that the bundled NATS may take on disk; less where the disk has less
    nats_max_store: int = Field(default=16 * 2**30, ge=2**20)
    #: use this server instead of the bundled one, with credentials; of a cluster any server, or
    #: several, separated by commas
    nats_url: str | None = None
    #: with the seed of the nkey that signs in there, in place of a user and password in the URL
    nats_nkey_file: Path | None = None
    #: with the authority of that server's certificate: the connection begins with TLS, or is not made
    nats_ca_file: Path | None = None
    nats_certificate_file: Path | None = None  #: of this client, where that server wants one
    nats_certificate_key_file: Path | None = None  #: null: in the file of the certificate
    #: copies of each stream, on as many servers of a cluster; 1: a single server
    nats_replicas: int = Field(default=1, ge=1, le=5)
    nats_monitor_url: str | None = None  #: HTTP monitoring URL of that server
    #: whether a service makes the streams and changes them; else `heliograph provision` does, for
    #: which services wait, and which checks the server
    provision: bool = True

    #: seconds without a heartbeat until a message is redelivered
    ack_wait: float = Field(default=20.0, gt=0)
    #: first events, or queue entries, of one process that are committed as one atomic batch; fewer are
    #: stored one by one, which a server with a fast disk does faster
    group_commit_from: int = Field(default=20, ge=2)

    events_max_bytes: int = Field(default=4 * 2**30, ge=2**20)  #: of the event log
    #: of the work queue: 200,000 jobs and more
    work_max_bytes: int = Field(default=512 * 2**20, ge=2**16)
    requests_max_bytes: int = Field(default=128 * 2**20, ge=2**16)  #: of requests from the bus
    #: of refusals; the oldest are dropped
    refusals_max_bytes: int = Field(default=64 * 2**20, ge=2**16)
    #: of dead letters; the oldest are dropped
    dead_max_bytes: int = Field(default=64 * 2**20, ge=2**16)
    slots_max_bytes: int = Field(default=256 * 2**20, ge=2**16)  #: of slots, in all projects
    plans_max_bytes: int = Field(default=256 * 2**20, ge=2**16)  #: of plans; the oldest are dropped
    plan_retention: timedelta = timedelta(days=90)  #: how long batches and actions can be read
    #: seconds without word of the settings of projects after which requests that cost money are refused
    #: (503): one of them may have a budget by then. A first budget holds so many seconds after it is set
    budget_confirmed_within: float = Field(default=5.0, ge=1.5)
    max_projects: int = Field(default=10_000, ge=1)  #: projects with their own settings
    max_keys: int = Field(default=10_000, ge=16)  #: keys, those that were revoked included

    @field_validator("nats_monitor_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        return checked_url(url) if url else None

    @field_validator("nats_url", mode="after")
    @classmethod
    def _is_nats(cls, url: str | None) -> str | None:
        if url is not None and not all(map(_is_nats_url, url.split(","))):
            raise ValueError(
                "not of the form nats://<user>:<password>@<host>:<port>;"
                " other characters than letters and digits are percent-encoded there"
            )
        return url

    @field_validator("nats_nkey_file")
    @classmethod
    def _is_seed(cls, file: Path | None) -> Path | None:
        if file is not None:
            try:
                public_nkey(SecretStr(file.read_text().strip()))
            except OSError as error:
                raise ValueError(f"{file} cannot be read: {error.strerror}") from error
        return file

    @model_validator(mode="after")
    def _has_certificates(self) -> Self:
        if self.nats_certificate_file and not self.nats_ca_file:
            raise ValueError("HELIOGRAPH_NATS_CERTIFICATE_FILE needs HELIOGRAPH_NATS_CA_FILE")
        _ = self.nats_tls
        return self

    @property
    def nats_tls(self) -> ssl.SSLContext | None:
        """TLS context of connections to an outside server; null: no TLS. Read again at each call."""
        if self.nats_url is None or self.nats_ca_file is None:
            return None
        return tls_context(
            self.nats_ca_file, self.nats_certificate_file, self.nats_certificate_key_file
        )

    @property
    def nats(self) -> str:
        """URL of NATS. An outside server's may hold a password."""
        return self.nats_url or f"nats://{host_and_port(self.host, self.nats_port)}"

    @property
    def nats_hosts(self) -> list[str]:
        """Host and port of each server, without credentials: for people and documents."""
        return [host_and_port(host, port) for host, port in self.nats_places]

    @property
    def nats_places(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        urls = [urlsplit(url) for url in self.nats.split(",")]
        return [(url.hostname or "", url.port or _NATS_PORT) for url in urls]

    @property
    def nats_login(self) -> str:
        """URLs of NATS with the credentials of a service: for clients, never for logs."""
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
        return f"nats://{login}@{host_and_port(self.host, self.nats_port)}"


def _is_nats_url(url: str) -> bool:
    """Whether it can be parsed. What cannot must not get far: errors of parsers show parts of it."""
    try:
        parts = urlsplit(url)
        is_nats = parts.scheme in ("nats", "tls", "ws", "wss")
        return is_nats and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
