"""Object keys in the store, and file names for downloads."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.jobs import Job
from heliograph.contracts.queries.storage import StoredObject

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "application/json": "json",
    "text/markdown": "md",
    "text/plain": "txt",
}  #: every media type that is stored, and nothing else is

_NO_NAME = re.compile(r"[^a-z0-9]+")

VariantName = Literal["thumbnail", "webp", "poster", "markdown"]


def _extension(media_type: str) -> str:
    """One that a later release stores is called by its subtype, there as here: `image/avif` is `avif`."""
    known = EXTENSIONS.get(media_type)
    return known or _NO_NAME.sub("", media_type.rpartition("/")[2].lower()) or "bin"


def folder_of(project: str, job: str) -> str:
    """Key prefix of all objects of a job."""
    return f"p/{project}/{job}/"


def output_key(project: str, job: str, index: int, sha256: str, media_type: str) -> str:
    """The key of a job's output. It names its content, so it never has to change."""
    return f"{folder_of(project, job)}{index}-{sha256}.{_extension(media_type)}"


def variant_key(project: str, job: str, index: int, name: str, variant: Variant) -> str:
    """The key of a lighter form of an output."""
    extension = _extension(variant.media_type)
    return f"{folder_of(project, job)}{index}-{variant.sha256}.{name}.{extension}"


def upload_key(project: str, sha256: str, media_type: str, copy: str | None = None) -> str:
    """
    The key of an upload. `copy` is new for each upload of the same bytes, so
    that a removal which comes late never meets the next copy; uploads of earlier versions have none.
    """
    name = f"{sha256}.{copy}" if copy else sha256
    return f"p/{project}/uploads/{name}.{_extension(media_type)}"


def inline_folder(project: str, job: str) -> str:
    """Key prefix of a job's inline results."""
    return f"p/{project}/inline/{job}/"


def inline_key(project: str, job: str, sha256: str) -> str:
    """The key of an output that came inside a response, until it is stored as an asset."""
    return f"{inline_folder(project, job)}{sha256}"


def filename(kind: str, at: datetime | None, index: int, media_type: str) -> str:
    """File name for downloads: `portrait_20260131_235959_0.png`."""
    stamp = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%d_%H%M%S")
    return f"{kind}_{stamp}_{index}.{_extension(media_type)}"


def objects_of(job: Job, asset: Asset) -> Iterator[tuple[str | None, StoredObject]]:
    """
    The asset itself (None) and each of its variants by name, as objects that can be signed.

    They lie where the job put them that made them; it is another one when a result is used again.
    """
    maker, _ = job_of_asset(asset.id)
    yield (
        None,
        _object(
            output_key(job.project, maker, asset.index, asset.sha256, asset.media_type),
            job,
            asset.index,
            asset.media_type,
        ),
    )
    for name, variant in asset.variants.items():
        key = variant_key(job.project, maker, asset.index, name, variant)
        yield name, _object(key, job, asset.index, variant.media_type, inline=True)


def _object(
    key: str, job: Job, index: int, media_type: str, *, inline: bool = False
) -> StoredObject:
    """`inline`: pictures that we made ourselves, which hold no script."""
    name = filename(job.kind, job.finished_at, index, media_type)
    is_shown = inline and media_type.startswith("image/")
    return StoredObject(key=key, media_type=media_type, filename=name, inline=is_shown)
