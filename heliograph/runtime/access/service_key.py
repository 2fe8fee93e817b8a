"""
Service key: how services recognize each other over HTTP.

One for the deployment, made by the first process, and kept with its text in the bucket `keys`, which
only services can read. No other key has its scope, `internal`.
"""

import hmac
from contextlib import suppress

from heliograph.contracts.access_keys import new_key
from heliograph.contracts.authorization import INTERNAL
from heliograph.contracts.key_records import ALL_PROJECTS, KeyRecord
from heliograph.runtime.access.key_cache import BUCKET
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now

SERVICE_KEY = "00000000"  #: its id


async def ensure_service_key(jetstream: JetStream) -> None:
    """Make the service key unless there is one. Raises Unavailable."""
    bucket = KeyValue(jetstream, BUCKET)
    if (await bucket.read(SERVICE_KEY)).revision:
        return
    key = new_key(SERVICE_KEY)
    record = KeyRecord(
        digest=key.digest,
        name="services of this deployment",
        scopes=[INTERNAL],
        projects=[ALL_PROJECTS],
        created_at=now(),
        text=key.text,
    )
    with suppress(Conflict):  # another process was first
        await bucket.write(SERVICE_KEY, record.model_dump(mode="json"), 0)


async def shared_secret(jetstream: JetStream, purpose: str) -> bytes:
    """A secret for one purpose, the same in all processes of the deployment. Raises Unavailable."""
    await ensure_service_key(jetstream)
    entry = await KeyValue(jetstream, BUCKET).read(SERVICE_KEY)
    text = KeyRecord.model_validate(entry.value).text
    assert text, "the service key is kept with its text"
    return hmac.digest(text.encode(), purpose.encode(), "sha256")
