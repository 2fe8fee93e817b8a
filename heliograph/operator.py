"""Operator commands on the bus: unreadable messages, and the feature level of the deployment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from heliograph.client_errors import ClientError, ConnectionFailed
from heliograph.contracts.errors import HeliographError
from heliograph.contracts.level import LEVEL
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.bus.levels import raise_level, read_level
from heliograph.runtime.bus.unreadable_messages import dead_letters, remove
from heliograph.runtime.settings import ServiceSettings

_MAX = 1_000  #: that are listed


async def list_dead_letters() -> list[dict[str, Any]]:
    """Messages that cannot be read, the oldest first. Raises ClientError."""
    async with _bus() as jetstream:
        return [letter.description() for letter in await dead_letters(jetstream, limit=_MAX)]


async def remove_dead_letter(stream: str, sequence: int) -> bytes:
    """Remove a message that cannot be read. Returns what it said; raises ClientError."""
    async with _bus() as jetstream:
        return (await remove(jetstream, stream, sequence)).data


async def show_level() -> tuple[int, int]:
    """The level of the deployment, and that of this release. Raises ClientError."""
    async with _bus() as jetstream:
        return await read_level(jetstream), LEVEL


async def raise_to_own() -> int:
    """Raise the level of the deployment to that of this release. Raises ClientError."""
    async with _bus() as jetstream:
        return await raise_level(jetstream)


@asynccontextmanager
async def _bus() -> AsyncIterator[JetStream]:
    settings = ServiceSettings()
    connection = Connection(settings, "operator")
    try:
        with translated():
            await connection.client.connect(
                **connection.options | {"max_reconnect_attempts": 1, "allow_reconnect": False}
            )
    except Exception as error:
        raise ConnectionFailed(f"NATS at {settings.nats} does not answer: {error}") from error
    try:
        yield JetStream(connection.client)
    except HeliographError as error:
        raise ClientError(str(error)) from error
    finally:
        await connection.close()
