"""Settings of the object store: any S3, or the bundled one."""

from pydantic import Field, SecretStr, field_validator

from heliograph.runtime.authorities import (
    checked_endpoint,
    checked_public_endpoint,
    host_and_port,
)
from heliograph.runtime.data_dir import Credentials
from heliograph.runtime.deployment_settings import DeploymentSettings


class StoreSettings(DeploymentSettings):
    """Endpoint, credentials, and bucket."""

    s3_port: int = Field(default=9000, ge=1, le=65535)
    #: of the bundled store without the range proxy, for our own services
    s3_internal_port: int = Field(default=9001, ge=1, le=65535)
    s3_endpoint: str | None = None  #: use this store instead of the bundled one
    #: the host that URLs are signed for; a path is that of a proxy, which takes it off
    s3_public_endpoint: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = "heliograph"
    s3_region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]{1,64}$")  #: signed with

    @field_validator("s3_endpoint")
    @classmethod
    def _is_endpoint(cls, url: str | None) -> str | None:
        return checked_endpoint(url) if url else None

    @field_validator("s3_public_endpoint")
    @classmethod
    def _is_public_endpoint(cls, url: str | None) -> str | None:
        return checked_public_endpoint(url) if url else None

    @property
    def s3_login(self) -> Credentials:
        """Access key and secret of the configured store, or of the bundled one. Must not be logged."""
        if self.s3_access_key is None or self.s3_secret_key is None:
            return self.folder.s3_credentials()
        return Credentials(self.s3_access_key, self.s3_secret_key)

    @property
    def s3(self) -> str:
        return self.s3_endpoint or f"http://{host_and_port(self.host, self.s3_port)}"

    @property
    def s3_internal(self) -> str:
        """The store as our own services reach it: they ask the bundled one for no ranges."""
        return self.s3_endpoint or f"http://{host_and_port(self.host, self.s3_internal_port)}"
