"""A store that forgets when the process ends."""

import hashlib
from urllib.parse import quote

from heliograph.contracts.queries import Object
from services.storage.stores import Content, Damaged


class MemoryStore:
    """`ObjectStore` in a dictionary. Its addresses lead nowhere."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def put(self, key: str, content: Content, media_type: str) -> None:
        stored = content.path.read_bytes()
        if hashlib.sha256(stored).hexdigest() != content.sha256:
            raise Damaged(key)
        self.objects[key] = stored

    async def keys(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def address(self, stored: Object, *, seconds: float) -> str:
        return f"memory:///{quote(stored.key)}?expires={seconds:g}"

    async def check(self) -> None:
        return
