"""Deletion of a pruned job's objects."""

import structlog

from heliograph.contracts.errors import StateConflict
from heliograph.contracts.object_keys import folder_of, inline_folder, objects_of
from heliograph.contracts.queries.storage import RemovedObjects, RemoveObjects
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.nats_bus import NatsBus
from services.storage.stores import ObjectStore

log = structlog.get_logger()

QUEUE_GROUP = "storage"  #: one of the storage processes removes


async def delete_job_objects(events: EventLog, store: ObjectStore, job: str) -> int | None:
    """
    Delete the objects of a pruned job: those in its record, and others that a crash left.

    Returns their number; None if the job is kept, and nothing is deleted. Raises Unavailable.
    """
    entry = await events.job(job)
    if entry is None or entry.record.pruned_at is None:
        return None
    record = entry.record
    folder = folder_of(record.project, record.id)
    known = {o.key for asset in record.stored for _, o in objects_of(record, asset)}
    listed = set(await store.keys(folder))
    listed |= set(await store.keys(inline_folder(record.project, record.id)))
    for key in listed | {key for key in known if key.startswith(folder)}:
        await store.delete(key)
    return len(listed)


async def serve_deletions(bus: NatsBus, store: ObjectStore) -> None:
    """Subscribe to `command.assets.remove`. A failed deletion is commanded again."""

    async def remove(command: RemoveObjects) -> RemovedObjects:
        objects = await delete_job_objects(bus.events, store, command.job)
        if objects is None:
            log.error("Object deletion refused: the job is kept", job=command.job)
            raise StateConflict(f"{command.job} was not pruned")
        return RemovedObjects(objects=objects)

    await bus.serve(RemoveObjects, remove, group=QUEUE_GROUP)
