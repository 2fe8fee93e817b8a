"""Settings of the deployment: where state is kept, services listen, and clients reach them."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from heliograph.runtime.authorities import (
    checked_host,
    checked_origin,
    checked_url,
    host_and_port,
    parse_authority,
)
from heliograph.runtime.data_dir import DataDir
from heliograph.runtime.setting_types import CommaList, Url


class DeploymentSettings(BaseSettings):
    """Home, hosts, ports, and URLs of the four services."""

    home: Path = Path(".heliograph")  #: all local state
    host: str = "127.0.0.1"  #: what the services bind
    #: by which other services reach this one; null: `host`, where that is no wildcard
    advertised_host: str | None = None
    gateway_port: int = Field(default=8080, ge=0, le=65535)
    status_port: int = Field(default=8081, ge=0, le=65535)
    storage_port: int = Field(default=8082, ge=0, le=65535)
    render_port: int = Field(default=8083, ge=0, le=65535)

    public_url: str | None = None  #: of the gateway, as clients see it
    status_public_url: str | None = None
    storage_public_url: str | None = None
    #: storage as render reaches it, for uploads of inline outputs; null: storage on this host
    storage_internal_url: Url | None = None
    #: of browsers, for CORS and live connections, separated by commas
    allowed_origins: CommaList = Field(default_factory=list)
    #: further host names of the services, as `name` or `name:port`, separated by commas
    allowed_hosts: CommaList = Field(default_factory=list)

    #: seconds for the headers of a request, from the start of its connection or the previous response
    header_deadline: float = Field(default=10.0, gt=0, le=10)
    max_connections: int = Field(default=4_096, ge=16)  #: of clients, in one process

    @field_validator("advertised_host")
    @classmethod
    def _is_host_name(cls, host: str | None) -> str | None:
        if host and (place := parse_authority(host)) and place.port is not None:
            raise ValueError("it has a port: name the host alone, each service adds its own port")
        return checked_host(host) if host else None

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: list[str]) -> list[str]:
        return [checked_host(host) for host in hosts]

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        return [checked_origin(origin) for origin in origins]

    @field_validator("public_url", "status_public_url", "storage_public_url")
    @classmethod
    def _are_urls(cls, url: str | None) -> str | None:
        return checked_url(url) if url else None

    @property
    def folder(self) -> DataDir:
        return DataDir(self.home.absolute())

    @property
    def reach_host(self) -> str:
        """The host by which others reach this process."""
        return self.advertised_host or self.host

    @property
    def gateway_url(self) -> str:
        return _url(self.public_url, self.reach_host, self.gateway_port)

    @property
    def path_prefix(self) -> str:
        """The path below which a proxy serves the gateway, as `/app`; empty at the root of a host."""
        return urlsplit(self.gateway_url).path

    @property
    def status_url(self) -> str:
        return _url(self.status_public_url, self.reach_host, self.status_port)

    @property
    def storage_url(self) -> str:
        return _url(self.storage_public_url, self.reach_host, self.storage_port)

    def path_of(self, service: str) -> str:
        """The path below which a proxy serves a service, as `/app`; empty at the root of a host."""
        public = {
            "gateway": self.public_url,
            "status": self.status_public_url,
            "storage": self.storage_public_url,
        }
        return urlsplit(public.get(service) or "").path.rstrip("/")

    @property
    def render_url(self) -> str:
        """URL of render inside the deployment."""
        return _url(None, self.reach_host, self.render_port)

    @property
    def storage_internal_base_url(self) -> str:
        return self.storage_internal_url or self.storage_url

    @property
    def public_urls(self) -> list[str]:
        """Under which clients, pages, and our own services reach this one."""
        public = (self.public_url, self.status_public_url, self.storage_public_url)
        return [url for url in (*public, self.storage_internal_url) if url]

    @property
    def known_ports(self) -> frozenset[int]:
        """Ports of all services in the settings, without 0, for which a free port is chosen when it is bound."""
        ports = {self.gateway_port, self.status_port, self.storage_port, self.render_port}
        return frozenset(ports - {0})


def _url(public: str | None, host: str, port: int) -> str:
    return (public or f"http://{host_and_port(host, port)}").rstrip("/")
