"""
Snapshots of streams, by the JetStream API: `STREAM.SNAPSHOT` sends the files of a stream in chunks, each
of which is acknowledged; `STREAM.RESTORE` takes them back in the same order (NATS ADR-1, `jsm.go`).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.backup.file_digests import sha256_of
from heliograph.runtime.backup.manifest import StreamCopy
from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError, translated

_CHUNK = 128 * 1024  #: bytes of a message
_TIMEOUT = 30.0  #: seconds until the server begins, and between two chunks
_OK = "204"  #: status of the message after the last chunk


async def save_stream(jetstream: JetStream, name: str, folder: Path) -> StreamCopy:
    """
    Write a stream to a file of the folder. Its consumers are left out: every service makes its own.

    Raises:
        ApiError: The stream does not exist.
        Unavailable: The server stopped sending.
    """
    jetstream = jetstream.with_timeout(_TIMEOUT)
    file = folder / f"{name}.snapshot"
    async with _chunks(jetstream) as (inbox, chunks):
        request = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": _CHUNK}
        begun = await jetstream.api(f"STREAM.SNAPSHOT.{name}", request)
        with file.open("wb") as out:
            async for chunk in chunks:
                await asyncio.to_thread(out.write, chunk)
    digest = await asyncio.to_thread(sha256_of, file)
    return StreamCopy(
        name=name, file=file.name, sha256=digest, config=begun["config"], state=begun["state"]
    )


@asynccontextmanager
async def _chunks(jetstream: JetStream) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    """An inbox, and the chunks that come to it."""
    inbox = jetstream.connection.new_inbox()
    async with jetstream.calling():
        messages = await jetstream.connection.subscribe(inbox)

    async def received() -> AsyncIterator[bytes]:
        while True:
            with translated():
                message = await messages.next_msg(timeout=_TIMEOUT)
            if not message.data:
                _check_end(message)
                return
            yield message.data
            if message.reply:
                await message.respond(b"")

    try:
        yield inbox, received()
    finally:
        await stop_listening(messages)


def _check_end(message: Msg) -> None:
    """Raises Unavailable: the server gave up, and what came is not the whole stream."""
    headers = message.headers or {}
    status = headers.get("Status", _OK)
    if status != _OK:
        raise Unavailable(f"the snapshot ended early: {status} {headers.get('Description', '')}")


async def restore_stream(
    jetstream: JetStream, copy: StreamCopy, folder: Path, config: dict[str, Any]
) -> None:
    """
    Make a stream from its file.

    Args:
        config: Of the new stream; that of the copy, with changes.

    Raises:
        ApiError: The server has the stream already, or refuses the configuration.
        Unavailable: The server stopped answering; delete the stream before another try.
    """
    jetstream = jetstream.with_timeout(_TIMEOUT)
    begun = await jetstream.api(
        f"STREAM.RESTORE.{copy.name}", {"config": config, "state": copy.state}
    )
    subject = begun["deliver_subject"]
    with (folder / copy.file).open("rb") as content:
        while chunk := await asyncio.to_thread(content.read, _CHUNK):
            _raise_error(await _send(jetstream, subject, chunk))
    _raise_error(await _send(jetstream, subject, b""))


async def _send(jetstream: JetStream, subject: str, chunk: bytes) -> bytes:
    async with jetstream.calling():
        reply = await jetstream.connection.request(subject, chunk, timeout=jetstream.timeout)
    return reply.data


def _raise_error(reply: bytes) -> None:
    """Chunks are acknowledged by empty messages, the last one by a description of the stream."""
    content = json.loads(reply) if reply.startswith(b"{") else {}
    if "error" in content:
        raise ApiError(content["error"])
