"""Manifest of a backup: the files of its folder with their digests."""

from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.file_digests import sha256_of

FILE = "manifest.json"


class StreamCopy(BaseModel):
    """One stream or bucket, as the server gave it."""

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    sha256: str
    config: dict[str, Any]
    state: dict[str, Any]  #: the server wants it back with the bytes


class ObjectList(BaseModel):
    """
    Which objects there were. The folder may have more: an earlier backup into it saved objects that were
    removed since.
    """

    model_config = ConfigDict(frozen=True)

    file: str  #: a line for each: its size in bytes, a space, and its key
    sha256: str
    count: int


class Manifest(BaseModel):
    """Written last: a folder without one is no backup."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    created_at: AwareDatetime  #: when the copy of the event log began
    epoch: str  #: of the event log
    streams: list[StreamCopy]
    objects: int | None  #: null: the backup has none
    #: null: it has none, or is of a release that had no list and restored every object of the folder
    object_list: ObjectList | None = None

    def write(self, folder: Path) -> None:
        part = folder / f"{FILE}.part"
        part.write_text(self.model_dump_json(indent=1))
        part.replace(folder / FILE)


def read_manifest(folder: Path) -> Manifest:
    """
    The manifest of a backup whose files are as they were written.

    Raises:
        ClientError: The folder holds no backup, or a file of it was changed.
    """
    try:
        manifest = Manifest.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        raise ClientError(f"{folder} holds no finished backup: it has no {FILE}") from None
    except ValidationError as error:
        raise ClientError(f"{folder / FILE} cannot be read: {error}") from error
    listed = [manifest.object_list] if manifest.object_list else []
    copies: list[StreamCopy | ObjectList] = [*manifest.streams, *listed]
    for copy in copies:
        file = folder / copy.file
        if not file.is_file() or sha256_of(file) != copy.sha256:
            raise ClientError(f"{file} is missing or was changed; restore from another backup")
    return manifest
