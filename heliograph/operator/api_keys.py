"""API keys, managed without a gateway."""

from datetime import timedelta

from heliograph.contracts.access_keys import AccessKey
from heliograph.contracts.authorization import ANYBODY
from heliograph.contracts.key_records import CreatedKey, CreateKey, KeyRecord, ListedKey, listed
from heliograph.operator.connection import operator_jetstream
from heliograph.runtime.access.key_store import KeyStore


async def create_key(request: CreateKey) -> CreatedKey:
    """A new API key, with any scopes and projects. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return _with_secret(*await KeyStore(jetstream).create(request, ANYBODY))


async def list_keys() -> list[ListedKey]:
    """Every API key, including revoked ones. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        keys = await KeyStore(jetstream).every()
        return [listed(record, id_) for id_, record in sorted(keys.items())]


async def rotate_key(id_: str, overlap: timedelta) -> CreatedKey:
    """A new secret for an API key; the old one works for `overlap` more. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return _with_secret(*await KeyStore(jetstream).rotate(id_, overlap=overlap))


async def revoke_key(id_: str) -> ListedKey:
    """Revoke an API key. Raises ClientError."""
    async with operator_jetstream() as jetstream:
        return listed(await KeyStore(jetstream).revoke(id_), id_)


def _with_secret(key: AccessKey, record: KeyRecord) -> CreatedKey:
    return CreatedKey(**listed(record, key.id).model_dump(), key=key.text)
