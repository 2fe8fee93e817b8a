"""Operator commands: unreadable messages, the level, API keys, backups, and the audit of budgets."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from heliograph.client_errors import ClientError, ConnectionFailed
from heliograph.contracts.access_keys import AccessKey
from heliograph.contracts.authorization import ANYBODY
from heliograph.contracts.errors import HeliographError
from heliograph.contracts.key_records import CreatedKey, CreateKey, KeyRecord, ListedKey, listed
from heliograph.contracts.level import LEVEL
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.bus.budget_audit import Audit, audit_budgets
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError, translated
from heliograph.runtime.bus.levels import raise_level, read_level
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.permissions import BACKUP, OPERATOR, PROVISION, RESTORE, permissions
from heliograph.runtime.bus.server_users import write_bundled_users
from heliograph.runtime.bus.unreadable_messages import dead_letters, remove
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.data_dir import MONITOR, OWNER
from heliograph.runtime.nats_users import Login, NatsUser
from heliograph.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from heliograph.runtime.backup.manifest import Manifest
    from heliograph.runtime.backup.restore import RestoreReport

log = structlog.get_logger()

_MAX = 1_000  #: that are listed
_STORE_INTERVAL = 1.0  #: seconds between looks at a store that does not answer


async def provision(settings: ServiceSettings) -> str:
    """
    Make and change the streams, buckets and consumers of a deployment, and the bucket of a store that the
    settings name. Returns the epoch of its events.

    Waits as long as it takes for the server; ends the process where that cannot keep our promises.
    """
    every = settings.model_copy(update={"provision": True})
    bus = NatsBus(every, CurrentCatalog(load_catalog(settings)), PROVISION)
    try:
        await bus.open()
        if settings.s3_endpoint and settings.s3_access_key:
            await _make_bucket(settings)
        return bus.epoch
    finally:
        await bus.close()


async def _make_bucket(settings: ServiceSettings) -> None:
    """Waits as long as it takes for the store. Storage makes it as well, where it may."""
    from heliograph.runtime.s3_bucket import ensure_bucket  # needs those of storage

    while True:
        try:
            return await asyncio.to_thread(ensure_bucket, settings)
        except ClientError as error:
            log.warning("The store is not ready", reason=str(error))
            await asyncio.sleep(_STORE_INTERVAL)


def add_bus_user(
    settings: ServiceSettings, name: str, projects: list[str], *, login: Login = "password"
) -> NatsUser:
    """
    A user of the bundled NATS server for another service, which asks for jobs of these projects and
    follows them. A server that runs knows it at once.

    Raises:
        ClientError: The name is reserved, or belongs to a user with other projects or another kind
            of login.
    """
    if name in {*permissions(()), OWNER, MONITOR}:
        raise ClientError(f"{name} is a user of our own: choose another name")
    user = settings.folder.nats_users.user(name, projects, login=login)
    if set(user.projects) != set(projects):
        raise ClientError(f"{name} exists, for {', '.join(user.projects)}: choose another name")
    if login == "password" and user.password is None:
        raise ClientError(
            f"{name} exists, with an nkey: choose another name for one with a password"
        )
    if settings.folder.nats_users_file.exists():
        write_bundled_users(settings)
        _reload_server(settings.folder.pid_file("nats"))
    return user


def _reload_server(pid_file: Path) -> None:
    """Have the bundled server read its users again, if it runs."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), signal.SIGHUP)


async def list_dead_letters() -> list[dict[str, Any]]:
    """Messages that cannot be read, the oldest first. Raises ClientError."""
    async with _bus() as jetstream:
        return [letter.description() for letter in await dead_letters(jetstream, limit=_MAX)]


async def remove_dead_letter(stream: str, sequence: int) -> bytes:
    """Remove a message that cannot be read, and return its content. Raises ClientError."""
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


async def create_key(request: CreateKey) -> CreatedKey:
    """A new API key, with any scopes and projects. Raises ClientError."""
    async with _bus() as jetstream:
        return _with_secret(*await KeyStore(jetstream).create(request, ANYBODY))


async def list_keys() -> list[ListedKey]:
    """Every API key, including revoked ones. Raises ClientError."""
    async with _bus() as jetstream:
        found = await KeyStore(jetstream).every()
        return [listed(record, id_) for id_, record in sorted(found.items())]


async def rotate_key(id_: str, overlap: timedelta) -> CreatedKey:
    """A new secret for an API key; the old one works for `overlap` more. Raises ClientError."""
    async with _bus() as jetstream:
        return _with_secret(*await KeyStore(jetstream).rotate(id_, overlap=overlap))


async def revoke_key(id_: str) -> ListedKey:
    """Revoke an API key. Raises ClientError."""
    async with _bus() as jetstream:
        return listed(await KeyStore(jetstream).revoke(id_), id_)


async def save_backup(folder: Path, *, with_objects: bool) -> "Manifest":
    """Copy the deployment into a folder. Raises ClientError."""
    from heliograph.runtime.backup.save import save_backup as save_into  # needs those of storage

    async with _bus(BACKUP) as jetstream:
        return await save_into(jetstream, ServiceSettings(), folder, with_objects=with_objects)


async def restore_backup(folder: Path, *, run_unsent: bool) -> "RestoreReport":
    """Put a backup into an empty NATS, and its store. Raises ClientError."""
    from heliograph.runtime.backup.restore import restore_backup as restore_into

    async with _bus(RESTORE) as jetstream:
        return await restore_into(jetstream, ServiceSettings(), folder, run_unsent=run_unsent)


async def audit(project: str | None = None) -> list[Audit]:
    """Compare every budget, or that of one project, with its jobs. Raises ClientError."""
    async with _bus() as jetstream:
        return await audit_budgets(jetstream, project)


def _with_secret(key: AccessKey, record: KeyRecord) -> CreatedKey:
    return CreatedKey(**listed(record, key.id).model_dump(), key=key.text)


@asynccontextmanager
async def _bus(user: str = OPERATOR) -> AsyncIterator[JetStream]:
    settings = ServiceSettings()
    connection = Connection(settings, user)
    try:
        with translated():
            await connection.client.connect(
                **connection.options
                | connection.security
                | {"max_reconnect_attempts": 1, "allow_reconnect": False}
            )
    except Exception as error:
        hosts = ", ".join(settings.nats_hosts)  # the URL may hold a password
        raise ConnectionFailed(f"NATS at {hosts} does not answer: {error}") from error
    try:
        yield JetStream(connection.client, replicas=settings.nats_replicas)
    except (HeliographError, ApiError) as error:
        raise ClientError(str(error)) from error
    finally:
        await connection.close()
