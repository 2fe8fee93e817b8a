"""Keys of a running Heliograph, made beside its API: those that it would not make, too."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt

from heliograph.contracts.access_keys import AccessKey, new_key
from heliograph.contracts.authorization import ANYBODY, INTERNAL, RequiredScope
from heliograph.contracts.key_records import CreateKey, issue, revoked
from heliograph.runtime.access.key_cache import BUCKET
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings
from tests.support.stack import Stack

ISSUER = "https://app.example"
SECRET = "canary-of-a-shared-secret-of-the-app"  # noqa: S105  # it is for tokens of tests


def token_of(project: str, **claims: Any) -> str:
    """A token that the app makes for an end user; it works for five minutes, unless `claims` differ."""
    at = time.time()
    times = {"iat": at, "exp": at + 300}
    granted = {"project": project, "scopes": ["jobs:read", "jobs:write"]}
    payload = {"iss": ISSUER, "aud": "heliograph", **times, **granted, **claims}
    return jwt.encode(payload, SECRET, algorithm="HS256")


class KeyMaker:
    """Writes keys into the bucket of a deployment."""

    def __init__(self, jetstream: JetStream) -> None:
        self.bucket = KeyValue(jetstream, BUCKET)

    async def make(
        self,
        scopes: Sequence[RequiredScope] = ("admin",),
        projects: list[str] | None = None,
        *,
        is_revoked: bool = False,
        is_expired: bool = False,
    ) -> AccessKey:
        """A key of some scopes and projects; `internal` is what services have."""
        key, at = new_key(), now()
        granted = [scope for scope in scopes if scope != INTERNAL] or ["admin"]
        request = CreateKey.model_validate(
            {"name": "test", "scopes": granted, "projects": projects, "expires_in_days": 1}
        )
        record = issue(request, key, ANYBODY, at - timedelta(days=2) if is_expired else at)
        if INTERNAL in scopes:
            record = record.model_copy(update={"scopes": [INTERNAL]})
        record = revoked(record, at) if is_revoked else record
        await self.bucket.write(key.id, record.model_dump(mode="json"), 0)
        return key


@asynccontextmanager
async def key_maker(stack: Stack) -> AsyncIterator[KeyMaker]:
    """The maker of keys of a stack."""
    connection = Connection(ServiceSettings(home=stack.home, nats_url=stack.nats), "test")
    await connection.open()
    try:
        yield KeyMaker(JetStream(connection.client))
    finally:
        await connection.close()


def bearer(key: AccessKey | str) -> dict[str, str]:
    """The header of a request with a key."""
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key.text}"}
