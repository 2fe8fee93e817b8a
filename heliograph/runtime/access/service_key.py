"""
Service key: how services recognize each other over HTTP.

One for the deployment, made by the first process, and kept with its text in the bucket `keys`, which
only services can read. No other key has its scope, `internal`.
"""

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
