"""Copies of the objects of the store: files of the same names, below one folder."""

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minio.error import MinioException, S3Error
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.file_digests import sha256_of
from heliograph.runtime.backup.manifest import ObjectList
from heliograph.runtime.s3_bucket import ensure_bucket
from heliograph.runtime.s3_client import s3_client
from heliograph.runtime.settings import ServiceSettings

FOLDER, LIST = "objects", "objects.txt"
_TIMEOUT = Timeout(connect=5.0, read=60.0)
_REMOVED = "NoSuchKey"  #: since it was listed


class ObjectCopies:
    """
    The bucket of the settings, and a folder. Blocks: not for an event loop.

    An object never changes under its key, so a file of the right size is a copy already: a backup into
    the folder of the one before fetches only what is new. What was removed from the store since stays in
    the folder, and is not in the list. Every method raises ClientError.
    """

    def __init__(self, settings: ServiceSettings, folder: Path) -> None:
        self._store = s3_client(
            settings.s3_internal, settings.s3_login, settings.s3_region, timeout=_TIMEOUT
        )
        self._settings, self._bucket = settings, settings.s3_bucket
        self._folder = folder / FOLDER
        self._list = folder / LIST

    def save(self) -> ObjectList:
        """Fetch what the folder lacks, and list what there is; not what is removed meanwhile."""
        count, part = 0, self._list.with_suffix(".part")
        with _translated(), part.open("w") as listed:
            for item in self._store.list_objects(self._bucket, recursive=True):
                file = self._file(str(item.object_name))
                if _has_size(file, item.size) or self._fetch(str(item.object_name), file):
                    listed.write(f"{file.stat().st_size} {item.object_name}\n")
                    count += 1
        part.replace(self._list)
        return ObjectList(file=LIST, sha256=sha256_of(self._list), count=count)

    def _fetch(self, key: str, file: Path) -> bool:
        """Whether the object was there."""
        try:
            self._store.fget_object(self._bucket, key, str(file))
        except S3Error as error:
            if error.code != _REMOVED:
                raise
            return False
        return True

    def restore(self, listed: ObjectList | None) -> int:
        """
        Put what is listed into the bucket. Returns the number of objects.

        Args:
            listed: Null: every file of the folder.
        """
        files = self._every_file() if listed is None else self._listed_files(listed)
        ensure_bucket(self._settings)
        with _translated():
            for file in files:
                key = file.relative_to(self._folder.resolve()).as_posix()
                # addresses of objects name their type; this is for direct readers of the bucket
                media_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
                self._store.fput_object(self._bucket, key, str(file), content_type=media_type)
        return len(files)

    def _every_file(self) -> list[Path]:
        return [each for each in sorted(self._folder.resolve().rglob("*")) if each.is_file()]

    def _listed_files(self, listed: ObjectList) -> list[Path]:
        """All listed files, checked before the first one is restored."""
        files = []
        for line in (self._list.parent / listed.file).read_text().splitlines():
            size, _, key = line.partition(" ")
            file = self._file(key)
            if not _has_size(file, int(size)):
                raise ClientError(f"{file} is missing or was changed; restore from another backup")
            files.append(file)
        return files

    def _file(self, key: str) -> Path:
        file = (self._folder / key).resolve()
        if not file.is_relative_to(self._folder.resolve()):
            raise ClientError(f"the store has an object that is not ours: {key}")
        return file


def _has_size(file: Path, size: int | None) -> bool:
    return file.is_file() and file.stat().st_size == size


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (MinioException, HTTPError) as error:
        raise ClientError(f"the object store does not answer: {error}") from error
