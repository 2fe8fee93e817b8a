"""What an operator can change about storage."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from heliograph.contracts.registry import Media
from heliograph.runtime.settings import ServiceSettings

MIB = 1024 * 1024


class StorageSettings(ServiceSettings):
    #: hosts (with port) that results may be fetched from, beside the providers' own; comma-separated
    provider_hosts: Annotated[list[str], NoDecode] = Field(default_factory=list)
    image_max_bytes: int = Field(default=64 * MIB, ge=1)
    video_max_bytes: int = Field(default=1024 * MIB, ge=1)
    text_max_bytes: int = Field(default=4 * MIB, ge=1)
    image_max_pixels: int = Field(default=64_000_000, ge=1)
    download_deadline: float = Field(default=300.0, gt=0)  #: seconds for one output, with all tries
    store_patience: float = Field(default=3600.0, gt=0)  #: seconds a job waits for a broken store
    address_life: float = Field(default=900.0, ge=1, le=900)  #: seconds a presigned address works

    @field_validator("provider_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, hosts: Any) -> Any:
        return (
            [h.strip() for h in hosts.split(",") if h.strip()] if isinstance(hosts, str) else hosts
        )

    def max_bytes(self, media: Media) -> int:
        """The largest output of a medium."""
        limits = {
            "image": self.image_max_bytes,
            "video": self.video_max_bytes,
            "text": self.text_max_bytes,
        }
        return limits[media]
