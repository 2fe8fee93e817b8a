"""Uploads: what clients bring, named by its digest, so that bringing it twice is bringing it once."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from heliograph.contracts.assets import EXTENSIONS, upload_key
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.names import PROJECT_PATTERN, SHA256_PATTERN
from heliograph.contracts.queries import Object
from heliograph.contracts.registry import Media
from heliograph.runtime.bus import Lost
from heliograph.runtime.bus.buckets import Bucket
from heliograph.runtime.documents import bytes_of
from heliograph.runtime.presenting import as_json
from heliograph.runtime.urls import named, no_query
from services.storage.inspecting import Inspectors
from services.storage.settings import StorageSettings
from services.storage.sniffing import check_upload, media_of
from services.storage.spool import receive
from services.storage.stores import Content, ObjectStore


class Uploads:
    """What was brought: the bucket `uploads`, key `<project>.<sha256>`, says what it is."""

    def __init__(
        self,
        bucket: Bucket,
        store: ObjectStore,
        inspectors: Inspectors,
        settings: StorageSettings,
    ) -> None:
        self._bucket = bucket
        self._store = store
        self._inspectors = inspectors
        self._settings = settings

    async def find(self, project: str, sha256: str) -> dict[str, Any] | None:
        """What is known of an upload; None when there is none."""
        return (await self._bucket.read(f"{project}.{sha256}")).value or None

    async def as_object(self, project: str, sha256: str) -> Object | None:
        """An upload as something that can be signed."""
        known = await self.find(project, sha256)
        if known is None:
            return None
        media_type = known["media_type"]
        name = f"upload_{sha256[:12]}.{EXTENSIONS[media_type]}"
        key = upload_key(project, sha256, media_type)
        return Object(key=key, media_type=media_type, filename=name)

    async def get(self, project: str, sha256: str, target: Path, *, limit: int) -> bool:
        """
        Copy an upload into a file. False: it is not there.

        Raises:
            OutputTooLarge, Unavailable: As the store says.
        """
        stored = await self.as_object(project, sha256)
        return stored is not None and await self._store.get(stored.key, target, limit=limit)

    async def keep(self, project: str, content: Content, folder: Path) -> dict[str, Any]:
        """
        Store what was brought.

        Raises:
            BodyTooLarge: It is more than is stored of its medium.
            OutputRefused: It is of no type that is stored, or cannot be opened.
            Unavailable: Bring it again later.
        """
        media_type = await asyncio.to_thread(check_upload, content.path, self._settings.max_bytes)
        known: dict[str, Any] = {"media_type": media_type, "bytes": content.size}
        if media_of(media_type) == "image":
            inspection = await self._inspectors.inspect(content.path, folder)
            known |= {"width": inspection.width, "height": inspection.height}
        await self._store.put(upload_key(project, content.sha256, media_type), content, media_type)
        key = f"{project}.{content.sha256}"
        seen = await self._bucket.read(key)
        with suppress(Lost):  # the same bytes, by somebody else
            await self._bucket.write(key, {**seen.value, **known}, seen.revision)
        return known


def upload_routes(uploads: Uploads, folder: Path, settings: StorageSettings) -> APIRouter:
    """The door. What is brought lies in `folder` meanwhile."""
    router = APIRouter(prefix="/v1", tags=["uploads"])
    limit = max(settings.max_bytes(media) for media in get_args(Media))
    project_name, digest_name = named(PROJECT_PATTERN), named(SHA256_PATTERN)

    @router.put(
        "/projects/{project}/uploads/sha256/{sha256}",
        openapi_extra=bytes_of(limit),
        summary="Bring a file",
    )
    async def upload(project: str, sha256: str, request: Request) -> Response:
        await no_query(request)
        project_name(project)
        digest_name(sha256)
        known = await uploads.find(project, sha256)
        status = 200 if known else 201
        if known is None:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                content = await receive(request, Path(place) / "upload", limit)
                if content.sha256 != sha256:
                    raise ValidationFailed.at("", f"the digest of the body is {content.sha256}")
                known = await uploads.keep(project, content, Path(place))
        body = {"upload": f"sha256:{sha256}", "project": project, **known}
        return Response(as_json(body), status, media_type="application/json")

    return router
