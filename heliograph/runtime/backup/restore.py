"""Restore of a deployment from a backup: into an empty NATS, and while no service runs."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliograph.client_errors import ClientError
from heliograph.runtime.backup.manifest import Manifest, StreamCopy, read_manifest
from heliograph.runtime.backup.object_copies import ObjectCopies
from heliograph.runtime.backup.stream_snapshots import restore_stream
from heliograph.runtime.backup.unsent_jobs import fail_unsent
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.provisioning import EPOCH, RESTORING, end_restoring, is_restoring
from heliograph.runtime.settings import ServiceSettings

SOURCE = "heliograph/restore"  #: of the events that a restore writes

#: requests that no gateway had taken, and one may have taken since: their keys are not in the log
_UNSENT = frozenset({"REQUESTS"})


@dataclass(frozen=True)
class RestoreReport:
    """Result of a restore."""

    streams: int
    objects: int
    failed_jobs: int  #: that may have been submitted after the backup


async def restore_backup(
    jetstream: JetStream, settings: ServiceSettings, folder: Path, *, run_unsent: bool = False
) -> RestoreReport:
    """
    Put everything back, the event log last, and under a new epoch: cursors of clients and of read models
    belong to the lost log, whose last events are not in this one. The log is marked until jobs that may
    have been submitted have failed: a service that starts before waits. A restore that was interrupted
    after the log came back goes on there when it is begun again.

    Args:
        run_unsent: Nothing was submitted since the backup: its waiting jobs may run, and its waiting requests
            of other services become jobs.

    Raises:
        ClientError: The folder holds no backup, NATS is not empty, or the store does not respond.
        ApiError, Unavailable: NATS does not respond. Begin again, with an empty NATS unless the
            event log was restored.
    """
    manifest = read_manifest(folder)
    copies = [each for each in _log_last(manifest) if run_unsent or each.name not in _UNSENT]
    if not await is_restoring(jetstream):
        await _check_empty(jetstream)
        if manifest.objects is not None:
            store = ObjectCopies(settings, folder)
            await asyncio.to_thread(store.restore, manifest.object_list)
        for copy in copies:
            await restore_stream(jetstream, copy, folder, _config(copy, settings.nats_replicas))
    failed = 0 if run_unsent else await fail_unsent(jetstream, SOURCE)
    await end_restoring(jetstream)
    return RestoreReport(streams=len(copies), objects=manifest.objects or 0, failed_jobs=failed)


async def _check_empty(jetstream: JetStream) -> None:
    """Raises ClientError: services would go on with what they had read before."""
    existing = (await jetstream.api("STREAM.NAMES")).get("streams") or []
    if existing:
        raise ClientError(
            f"NATS has streams already ({', '.join(sorted(existing)[:3])}, …). Restore into an empty one,"
            " before any service is started"
        )


def _log_last(manifest: Manifest) -> list[StreamCopy]:
    """A restore that was interrupted leaves no event log, so no service can take it for a whole one."""
    return sorted(manifest.streams, key=lambda copy: copy.name == STREAM)


def _config(copy: StreamCopy, replicas: int) -> dict[str, Any]:
    """The configuration with the replicas of the new deployment: a single server refuses those of a cluster."""
    config = {**copy.config, "num_replicas": replicas}
    if copy.name != STREAM:
        return config
    ours = {EPOCH: secrets.token_hex(8), RESTORING: "yes"}
    return {**config, "metadata": config.get("metadata", {}) | ours}
