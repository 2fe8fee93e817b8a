"""Objects go when the log says that their job was pruned; those of others never do."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.id_generation import asset_id, new_job_id
from heliograph.contracts.job_events import (
    JobEvent,
    Pruned,
    Rendered,
    Started,
    Submitting,
    Succeeded,
)
from heliograph.contracts.object_keys import folder_of, objects_of
from heliograph.contracts.records import Record
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.testing.event_log import MemoryEventLog
from services.gateway.jobs.result_cache import apply_cached
from services.storage.deletion import delete_job_objects
from services.storage.stores.memory import MemoryStore
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Room:
    """A log, and a store."""

    def __init__(self) -> None:
        self.events = MemoryEventLog()
        self.store = MemoryStore()

    async def delete(self, job: str) -> int | None:
        return await delete_job_objects(self.events, self.store, job)

    async def live(self, record: Record, *facts: JobEvent) -> Record:
        entry = await append_event(self.events, "accepted", record, 0)
        for fact in facts:
            entry = await transition(self.events, entry, fact)
        for asset in entry.record.stored:
            for _, stored in objects_of(entry.record, asset):
                self.store.objects.setdefault(stored.key, b"bytes")
        return entry.record

    async def make(self, *facts: JobEvent, **fields: Any) -> Record:
        """A job with a picture."""
        record = a_record(**fields)
        return await self.live(
            record,
            Started(run=1),
            Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
            Rendered(run=1, outputs=[]),
            Succeeded(assets=[_a_picture(record.id)]),
            *facts,
        )


def _a_picture(job: str) -> Asset:
    variant = Variant(media_type="image/webp", width=2, height=2, bytes=5, sha256="1" * 64)
    return Asset(
        id=asset_id(job, 0),
        index=0,
        media_type="image/png",
        bytes=5,
        sha256="0" * 64,
        variants={"thumbnail": variant},
    )


PRUNED = Pruned(ended=5)


async def test_everything_a_pruned_job_has_stored_goes() -> None:
    room = Room()
    job = await room.make(PRUNED)
    left_by_a_crash = f"{folder_of(job.project, job.id)}1-{'2' * 64}.png"
    room.store.objects[left_by_a_crash] = b"half a job"

    assert await room.delete(job.id) == 3
    assert room.store.objects == {}


async def test_to_remove_what_is_gone_already_is_fine() -> None:
    room = Room()
    job = await room.make(PRUNED)
    await room.delete(job.id)

    assert await room.delete(job.id) == 0


async def test_a_kept_job_keeps_its_objects_on_any_deletion_request() -> None:
    room = Room()
    job = await room.make()

    assert await room.delete(job.id) is None
    assert await room.delete(new_job_id()) is None
    assert len(room.store.objects) == 2


async def test_a_result_that_was_used_again_stays_with_its_maker() -> None:
    room = Room()
    maker = await room.make(project="demo")
    given = apply_cached(a_record(project="demo"), maker)
    again = await room.live(given, Succeeded(assets=maker.assets), PRUNED)

    assert await room.delete(again.id) == 0
    assert len(room.store.objects) == 2


async def test_objects_of_other_jobs_stay() -> None:
    room = Room()
    gone, kept = await room.make(PRUNED, project="demo"), await room.make(project="demo")

    await room.delete(gone.id)

    assert {Path(key).parent.name for key in room.store.objects} == {kept.id}
