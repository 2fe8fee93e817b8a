"""Backup of a deployment into a folder. Services may run meanwhile."""

import asyncio
import os
from pathlib import Path

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.manifest import Manifest, ObjectList
from heliograph.runtime.backup.object_copies import ObjectCopies
from heliograph.runtime.backup.stream_snapshots import save_stream
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.provisioning import epoch
from heliograph.runtime.bus.stream_configs import SAVED
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings


async def save_backup(
    jetstream: JetStream, settings: ServiceSettings, folder: Path, *, with_objects: bool = True
) -> Manifest:
    """
    Copy the event log first and what it names after it: slots, plans, keys, settings, and objects. So a
    backup of a running deployment may know of more than its log, and never of less.

    Raises:
        ClientError: The folder cannot be written, or the object store does not respond.
        ApiError, Unavailable: NATS does not respond. The folder holds no complete backup; try again.
    """
    await asyncio.to_thread(_make_folder, folder)
    begun = now()
    copies = [await save_stream(jetstream, name, folder) for name in SAVED]
    objects: ObjectList | None = None
    if with_objects:
        objects = await asyncio.to_thread(ObjectCopies(settings, folder).save)
    manifest = Manifest(
        created_at=begun,
        epoch=await epoch(jetstream),
        streams=copies,
        objects=objects.count if objects else None,
        object_list=objects,
    )
    manifest.write(folder)
    return manifest


def _make_folder(folder: Path) -> None:
    """Raises ClientError: in a container, it is often another user's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ClientError(f"{folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ClientError(f"{folder} cannot be written by user {os.geteuid()}")
