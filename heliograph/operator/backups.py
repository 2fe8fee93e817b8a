"""Backup and restore of a deployment."""

from pathlib import Path
from typing import TYPE_CHECKING

from heliograph.operator.connection import operator_jetstream
from heliograph.runtime.bus.permissions import BACKUP, RESTORE
from heliograph.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from heliograph.runtime.backup.manifest import Manifest
    from heliograph.runtime.backup.restore import RestoreReport


async def save_backup(folder: Path, *, with_objects: bool) -> "Manifest":
    """Copy the deployment into a folder. Raises ClientError."""
    from heliograph.runtime.backup.save import save_backup as save_into  # needs those of storage

    async with operator_jetstream(BACKUP) as jetstream:
        return await save_into(jetstream, ServiceSettings(), folder, with_objects=with_objects)


async def restore_backup(folder: Path, *, run_unsent: bool) -> "RestoreReport":
    """Put a backup into an empty NATS, and its store. Raises ClientError."""
    from heliograph.runtime.backup.restore import restore_backup as restore_into

    async with operator_jetstream(RESTORE) as jetstream:
        return await restore_into(jetstream, ServiceSettings(), folder, run_unsent=run_unsent)
