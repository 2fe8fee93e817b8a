"""Expiry of API keys: logged 14, 3 and 1 days before, so that no application stops without a warning."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from prometheus_client import Gauge

from heliograph.contracts.key_records import KeyRecord, expiry_notice
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.clock import now

log = structlog.get_logger()

_INTERVAL = 600.0  #: seconds between two looks at all keys
_FIRST = 10.0  #: seconds until the first: the keys have to be read

_EXPIRING = Gauge("heliograph_keys_expiring", "API keys that expire within 14 days")


async def warn_of_expiry_forever(keys: KeyCache) -> None:
    """Warn of keys that expire soon, of each once per notice."""
    given: dict[str, timedelta] = {}
    await asyncio.sleep(_FIRST)
    while True:
        given = warn_of_expiry(keys.every(), given, now())
        _EXPIRING.set(len(given))
        await asyncio.sleep(_INTERVAL)


def warn_of_expiry(
    records: Mapping[str, KeyRecord], given: Mapping[str, timedelta], at: datetime
) -> dict[str, timedelta]:
    """Log notices that were not given before. Returns those that are given now, by key."""
    notices = {id_: expiry_notice(record, at) for id_, record in records.items()}
    due = {id_: notice for id_, notice in notices.items() if notice}
    for id_, notice in due.items():
        if given.get(id_) != notice:
            record = records[id_]
            end = record.expires_at.isoformat() if record.expires_at else None
            log.warning("API key expires soon", key_id=id_, name=record.name, expires_at=end)
    return due
