"""Bounded read: a body in memory, never more of it than a limit, whatever length it announces."""

from collections.abc import AsyncIterable


async def read_bounded(chunks: AsyncIterable[bytes], limit: int, too_large: Exception) -> bytes:
    """All chunks together. Raises `too_large` as soon as there are more than `limit` bytes."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise too_large
    return bytes(content)
