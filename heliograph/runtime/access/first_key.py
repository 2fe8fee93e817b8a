"""First key: a deployment without any key writes one with `admin` to a file, once."""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from heliograph.contracts.access_keys import AccessKey, new_key, parse_key
from heliograph.contracts.authorization import ANYBODY
from heliograph.contracts.key_records import CreateKey, issue
from heliograph.runtime.access.key_cache import BUCKET
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now
from heliograph.runtime.write_once import write_once

log = structlog.get_logger()


async def write_first_key(jetstream: JetStream, file: Path) -> None:
    """
    Write the first key, unless there are keys.

    The file comes first, and says which key it is: a process that dies in between, or another one, goes
    on with the same key. Raises Unavailable.
    """
    if await KeyStore(jetstream).every():
        return
    key = await asyncio.to_thread(_key_in, file)
    if key is None:
        log.error("First key not written: its file has other content", file=str(file))
        return
    request = CreateKey(name="first key", scopes=["admin"], expires_in_days=None)
    record = issue(request, key, ANYBODY, now())
    with suppress(Conflict):  # another process was first
        await KeyValue(jetstream, BUCKET).write(key.id, record.model_dump(mode="json"), 0)
        log.info("First key written", file=str(file), key_id=key.id)


def _key_in(file: Path) -> AccessKey | None:
    """The key in a file, which is made when it is missing, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_once(file, new_key().text + "\n")
    return parse_key(file.read_text().strip())
