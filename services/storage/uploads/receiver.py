"""Receiver of uploads: bodies are spooled, within quota, disk reserve and size limits."""

import tempfile
from pathlib import Path
from typing import Any, get_args

from fastapi import Request

from heliograph.contracts.errors import Unavailable, ValidationFailed
from heliograph.contracts.models import Media
from services.storage.body_spool import Limit, Spool, announced
from services.storage.disk_reserve import DiskReserve
from services.storage.media.media_types import medium_of_upload
from services.storage.settings import StorageSettings
from services.storage.uploads.quota import UploadQuota
from services.storage.uploads.uploads import Uploads


class UploadReceiver:
    """
    Receives uploads, within all bounds.

    Args:
        folder: Where bodies are spooled.
    """

    def __init__(
        self,
        uploads: Uploads,
        quota: UploadQuota,
        reserve: DiskReserve,
        folder: Path,
        settings: StorageSettings,
    ) -> None:
        self._uploads = uploads
        self._quota = quota
        self._reserve = reserve
        self._folder = folder
        self._settings = settings
        self.limit = max(settings.max_bytes(media) for media in get_args(Media))

    async def receive(self, project: str, sha256: str, request: Request) -> tuple[bool, Any]:
        """Receive an upload. Returns whether it is new, and its properties."""
        known = await self._uploads.find(project, sha256)
        if known:
            return False, known
        self._quota.check(project, announced(request))
        async with self._quota.turn():
            return True, await self._receive(project, sha256, request)

    async def _receive(self, project: str, sha256: str, request: Request) -> dict[str, Any]:
        with (
            self._reserve.claim(announced(request)) as claim,
            tempfile.TemporaryDirectory(dir=self._folder) as directory,
        ):
            target = Path(directory) / "upload"
            spool = Spool(target, limit=self.limit, claim=claim, limit_of=self._limit_of)
            content = await spool.receive(request)
            if content.sha256 != sha256:
                raise ValidationFailed.at("", f"the digest of the body is {content.sha256}")
            self._quota.check(project, content.size)
            try:
                return await self._uploads.store(project, content, Path(directory))
            except Unavailable:
                # the same bytes may have been uploaded meanwhile
                known = await self._uploads.find(project, sha256)
                if known is None:
                    raise
                return known

    def _limit_of(self, head: bytes) -> Limit:
        media = medium_of_upload(head)
        return Limit(self._settings.max_bytes(media), media)
