"""Settings of storage."""

from pydantic import Field

from heliograph.contracts.models import Media
from heliograph.runtime.settings import ServiceSettings

MIB = 1024 * 1024


class StorageSettings(ServiceSettings):
    image_max_bytes: int = Field(default=64 * MIB, ge=1)
    video_max_bytes: int = Field(default=1024 * MIB, ge=1)
    text_max_bytes: int = Field(default=4 * MIB, ge=1)
    image_max_pixels: int = Field(default=64_000_000, ge=1)
    download_deadline: float = Field(
        default=300.0, gt=0
    )  #: seconds for one output, with all attempts
    #: seconds that a missing result is downloaded again
    missing_result_deadline: float = Field(default=120.0, ge=0)
    text_memory: int = Field(default=MIB, ge=0)  #: bytes of a text that is stored without a file
    storage_retry_deadline: float = Field(
        default=3600.0, gt=0
    )  #: seconds a job waits for an unavailable object store
    report_after: float = Field(
        default=1.0, ge=0
    )  #: seconds before progress of storing is published
    presigned_url_ttl: float = Field(
        default=900.0, ge=1, le=900
    )  #: seconds a presigned URL works, from the first time it is given out

    uploads_at_once: int = Field(default=16, ge=1)  #: uploads that a process receives concurrently
    uploads_per_project: int = Field(default=10_000, ge=1)  #: files
    uploads_max_bytes: int = Field(default=16 * 1024 * MIB, ge=1)  #: of one project's, in all
    upload_reserve: int = Field(
        default=1024 * MIB, ge=0
    )  #: bytes of free disk reserved for results
    upload_retention_days: float = Field(
        default=30.0, gt=0
    )  #: days after its last use, if no job names it
    upload_sweep_interval: float = Field(default=3600.0, gt=0)  #: seconds

    def max_bytes(self, media: Media) -> int:
        """The largest output of a medium."""
        limits = {
            "image": self.image_max_bytes,
            "video": self.video_max_bytes,
            "text": self.text_max_bytes,
        }
        return limits[media]
