"""Responses of storage: assets with fresh URLs, uploads and inline results."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.contracts.assets import Asset


class StoredAsset(Asset):
    """An asset, with addresses that work for some minutes, and the job that made it."""

    job: str
    project: str
    kind: str
    slot: str | None
    created_at: AwareDatetime | None


class Upload(BaseModel):
    """An upload, as references name it."""

    model_config = ConfigDict(frozen=True)

    upload: str = Field(examples=[f"sha256:{'0' * 64}"])
    project: str
    media_type: str
    bytes: int
    width: int | None = Field(default=None, description="Width of a picture in pixels")
    height: int | None = Field(default=None, description="Height of a picture in pixels")


class InlineResult(BaseModel):
    """An output that came inside a provider's response."""

    model_config = ConfigDict(frozen=True)

    inline: str = Field(description="Name in the job's outputs: `<job>/<sha256>`")
    bytes: int
