"""Uploads of clients: stored by digest, so that a repeated upload is the same upload."""

import asyncio
import time
from pathlib import Path
from typing import Any

from ulid import ULID

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.object_keys import EXTENSIONS, upload_key
from heliograph.contracts.queries.storage import StoredObject
from heliograph.runtime.bus.conflicts import Conflict, retry_on_conflict
from heliograph.runtime.bus.kv import KeyValue
from services.storage.content import Content
from services.storage.media.images import ImageWorkers
from services.storage.media.media_types import check_upload, media_of
from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore


class Uploads:
    """
    Uploads of clients: the bucket `uploads`, key `<project>.<sha256>`, has their properties.

    A use is noted in its entry, so that retention knows how long it was unused.
    """

    def __init__(
        self,
        bucket: KeyValue,
        store: ObjectStore,
        image_workers: ImageWorkers,
        settings: StorageSettings,
    ) -> None:
        self._bucket = bucket
        self._store = store
        self._image_workers = image_workers
        self._settings = settings
        self._fresh = min(
            3600.0, settings.upload_retention_days * 86_400 / 4
        )  #: seconds between notes

    @retry_on_conflict
    async def find(self, project: str, sha256: str) -> dict[str, Any] | None:
        """The entry of an upload that is about to be used; None if it does not exist."""
        name = f"{project}.{sha256}"
        entry = await self._bucket.read(name)
        if "media_type" not in entry.value:
            return None
        if time.time() - entry.value.get("used", 0) < self._fresh:
            return entry.value
        try:
            value = {**entry.value, "used": time.time()}
            await self._bucket.write(name, value, entry.revision)
        except QueueFull:
            pass
        return entry.value

    async def as_object(self, project: str, sha256: str) -> StoredObject | None:
        """An upload as something that can be signed."""
        known = await self.find(project, sha256)
        if known is None:
            return None
        media_type = known["media_type"]
        name = f"upload_{sha256[:12]}.{EXTENSIONS[media_type]}"
        return StoredObject(
            key=key_of(project, sha256, known), media_type=media_type, filename=name
        )

    async def get(self, project: str, sha256: str, target: Path, *, limit: int) -> bool:
        """
        Copy an upload into a file. False: it is not there.

        Raises:
            OutputTooLarge, Unavailable: The same errors as the object store raises.
        """
        stored = await self.as_object(project, sha256)
        return stored is not None and await self._store.get(stored.key, target, limit=limit)

    async def store(self, project: str, content: Content, folder: Path) -> dict[str, Any]:
        """
        Store an upload.

        Raises:
            BodyTooLarge: The file exceeds the limit of its medium.
            OutputRefused: The type of the file is not accepted, or the file cannot be opened.
            QueueFull, Unavailable: There is no room, or the bus does not respond; upload the file later.
        """
        file = content.body
        assert isinstance(file, Path), "uploads are spooled"
        media_type = await asyncio.to_thread(check_upload, file, self._settings.max_bytes)
        known: dict[str, Any] = {"media_type": media_type, "bytes": content.size}
        if media_of(media_type) == "image":
            inspection = await self._image_workers.inspect(file, folder, project, behind=True)
            known |= {"width": inspection.width, "height": inspection.height}
        key = upload_key(project, content.sha256, media_type, str(ULID()))
        await self._store.put(key, content, media_type)
        try:
            return await self._note(f"{project}.{content.sha256}", {**known, "key": key})
        except (Conflict, QueueFull):
            await self._store.delete(key)
            raise Unavailable("the upload cannot be recorded right now", retry_after=1) from None

    async def _note(self, name: str, known: dict[str, Any]) -> dict[str, Any]:
        """Record an upload. Raises Conflict: another process recorded it, or removes it."""
        seen = await self._bucket.read(name)
        if "media_type" in seen.value:
            raise Conflict(name)
        later = {field: value for field, value in seen.value.items() if field != "removing"}
        value = {**later, **known, "used": time.time()}
        await self._bucket.write(name, value, seen.revision)
        return known


def key_of(project: str, sha256: str, known: dict[str, Any]) -> str:
    """Object key of an upload."""
    return str(known.get("key") or upload_key(project, sha256, known["media_type"]))
