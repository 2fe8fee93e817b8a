"""Unreadable messages: the dead letters of a deployment, listed and removed."""

from typing import Any

from heliograph.operator.connection import operator_jetstream
from heliograph.runtime.bus.unreadable_messages import dead_letters, remove_unreadable

_MAX = 1_000  #: that are listed


async def list_dead_letters() -> list[dict[str, Any]]:
    """Messages that cannot be read, the oldest first. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return [letter.description() for letter in await dead_letters(jetstream, limit=_MAX)]


async def remove_dead_letter(stream: str, sequence: int) -> bytes:
    """Remove a message that cannot be read, and return its content. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return (await remove_unreadable(jetstream, stream, sequence)).data
