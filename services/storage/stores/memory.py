"""Object store in memory."""

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import quote

from heliograph.contracts.errors import OutputTooLarge
from heliograph.contracts.queries.storage import StoredObject
from services.storage.content import Content, whole
from services.storage.stores import Corrupted, IsSole


class MemoryStore:
    """`ObjectStore` in a dictionary. Its addresses lead nowhere."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def open(self) -> None:
        """Nothing to make."""

    async def aclose(self) -> None:
        """Nothing to close."""

    async def put(
        self, key: str, content: Content, media_type: str, *, is_sole: IsSole | None = None
    ) -> None:
        stored = whole(content.body)
        if hashlib.sha256(stored).hexdigest() != content.sha256:
            raise Corrupted(key)
        self.objects[key] = stored

    async def get(self, key: str, target: Path, *, limit: int) -> bool:
        stored = self.objects.get(key)
        if stored is None:
            return False
        if len(stored) > limit:
            raise OutputTooLarge(f"the output is larger than {limit} bytes")
        await asyncio.to_thread(target.write_bytes, stored)
        return True

    async def keys(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def presigned_url(self, stored: StoredObject, *, seconds: float) -> str:
        return f"memory:///{quote(stored.key)}?expires={seconds:g}"

    async def check(self) -> None:
        return
