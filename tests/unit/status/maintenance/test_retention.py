"""Cleaning takes what the choice says, survives whatever happens meanwhile, and can be repeated."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import Deadline, Unavailable
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import Expired, Rendered, Started, Submitting, Succeeded
from heliograph.contracts.records import Record
from heliograph.contracts.retention import Retention
from heliograph.contracts.slots import Restored
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.clock import now
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.slot_claims import MemorySlotClaims
from services.status.maintenance.retention import RetentionEnforcer
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record
from tests.support.timeouts import TIMEOUT

SLOT = "shot/12"
PROJECT = "demo"


class Scene:
    """A project, its log and its slots in memory, and a cleaner."""

    def __init__(self, read_model: SqlReadModel) -> None:
        self.read_model = read_model
        self.meanwhile: dict[str, Callable[[], Any]] = {}  #: what happens before an act, once
        self.events = MemoryEventLog(self._gate)
        self.slots = MemorySlotClaims(self._gate)
        self.keeps: dict[str, Any] = {}
        self.objects: Counter[str] = Counter()
        self.removed: list[str] = []
        self.store_is_down = False
        self.cleaner = self.with_grace(1e-6)

    def with_grace(self, seconds: float) -> RetentionEnforcer:
        """A cleaner of this project that leaves objects alone for so long."""
        return RetentionEnforcer(
            events=self.events,
            slots=self.slots,
            read_model=self.read_model,
            retentions=self._retentions,
            wait_for_log=self._wait_for_log,
            remove=self._remove,
            grace_period=seconds,
        )

    async def _gate(self, act: str, *_: object) -> None:
        happening = self.meanwhile.pop(act, None)
        if happening:
            await happening()

    async def _retentions(self) -> dict[str, Retention]:
        return {PROJECT: Retention.model_validate(self.keeps)}

    async def _wait_for_log(self) -> None:
        """What the projector does."""
        cursor = await self.read_model.cursor()
        news = self.events.log[cursor:]
        latest = {entry.event.body.id: entry for entry in news}.values()
        rows = [Row(entry.sequence, entry.record) for entry in latest]
        await self.read_model.apply(rows, cursor, cursor + len(news))

    async def _remove(self, job: str) -> int:
        if self.store_is_down:
            raise Unavailable
        self.removed.append(job)
        return self.objects.pop(job, 0)

    async def make(self, slot: str | None = SLOT, **fields: Any) -> Record:
        """A version more."""
        record = a_record(project=PROJECT, slot=slot, kind="shot", **fields)
        entry = await append_event(self.events, "accepted", record, 0)
        self.objects[record.id] = 1
        asset = Asset(
            id=asset_id(record.id, 0), index=0, media_type="image/png", bytes=9, sha256="0" * 64
        )
        for fact in (
            Started(run=1),
            Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
            Rendered(run=1, outputs=[]),
            Succeeded(assets=[asset]),
        ):
            entry = await transition(self.events, entry, fact)
        if slot:
            seen = await self.slots.read(PROJECT, slot)
            await self.slots.claim(PROJECT, slot, record.id, seen)
        return entry.record

    async def restore(self, version: int, latest: int) -> None:
        seen = await self.slots.read(PROJECT, SLOT)
        restored = Restored(version=version, latest=latest, at=now())
        await self.slots.restore(PROJECT, SLOT, restored, seen)

    def pruned(self, *jobs: Record) -> list[bool]:
        entries = (self.events.latest(job.id) for job in jobs)
        return [bool(entry and entry.record.pruned_at) for entry in entries]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    read_model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path}/status.sqlite")
    await read_model.prepare()
    await read_model.open("one")
    yield Scene(read_model)
    await read_model.aclose()


async def settled(scene: Scene) -> None:
    """Rounds until nothing is found any more; the last ones in vain."""
    async with asyncio.timeout(TIMEOUT):
        while await scene.cleaner.apply():
            pass


async def test_what_is_not_kept_goes_with_its_objects(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(4)]
    scene.keeps = {"versions": 2}

    await settled(scene)

    assert scene.pruned(*jobs) == [True, True, False, False]
    assert set(scene.removed) == {jobs[0].id, jobs[1].id}
    assert set(scene.objects) == {jobs[2].id, jobs[3].id}


async def test_objects_outlive_their_job_for_a_while(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(2)]
    scene.keeps = {"versions": 1}

    is_more = await scene.with_grace(60).apply()

    assert scene.pruned(*jobs) == [True, False]
    assert (scene.removed, is_more) == ([], True)
    assert await scene.cleaner.apply() is False
    assert scene.removed == [jobs[0].id]


async def test_a_project_that_says_nothing_loses_nothing(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(2)]

    await settled(scene)

    assert scene.pruned(*jobs) == [False, False]
    assert scene.removed == []


async def test_a_second_round_does_nothing_twice(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(3)]
    scene.keeps = {"versions": 1}
    await settled(scene)
    events, removed = len(scene.events.log), list(scene.removed)

    await settled(scene)

    assert len(scene.events.log) == events
    assert scene.removed == removed
    assert scene.pruned(*jobs) == [True, True, False]


async def test_nothing_stays_noted_in_a_slot_once_it_is_done(scene: Scene) -> None:
    for _ in range(3):
        await scene.make()
    scene.keeps = {"versions": 1}

    await settled(scene)

    assert (await scene.slots.read(PROJECT, SLOT)).withdrawn == frozenset()


async def test_a_version_that_is_restored_in_the_last_moment_stays(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(3)]
    scene.keeps = {"versions": 1}
    scene.meanwhile["withdraw"] = lambda: scene.restore(1, latest=3)

    await settled(scene)

    assert scene.pruned(*jobs) == [False, True, False]
    assert scene.removed == [jobs[1].id]


async def test_a_success_in_the_last_moment_loses_nothing(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(2)]
    scene.keeps = {"versions": 1}
    scene.meanwhile["withdraw"] = scene.make

    await scene.cleaner.apply()

    assert scene.pruned(*jobs) == [True, False]


async def test_a_restore_that_is_too_late_is_a_conflict(scene: Scene) -> None:
    """The version is noted as going before it goes: a claim that saw it otherwise is lost."""
    jobs = [await scene.make() for _ in range(2)]
    scene.keeps = {"versions": 1}
    seen = await scene.slots.read(PROJECT, SLOT)
    restored = Restored(version=1, latest=2, at=now())

    async def restore_blindly() -> None:
        with pytest.raises(Conflict):
            await scene.slots.restore(PROJECT, SLOT, restored, seen)
        assert jobs[0].id in (await scene.slots.read(PROJECT, SLOT)).withdrawn

    scene.meanwhile["append"] = restore_blindly
    await settled(scene)

    assert "append" not in scene.meanwhile
    assert scene.pruned(*jobs) == [True, False]


async def test_what_a_crash_left_withdrawn_goes_whatever_is_kept_by_now(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(3)]
    seen = await scene.slots.read(PROJECT, SLOT)
    await scene.slots.withdraw(PROJECT, SLOT, [jobs[0].id], seen)
    scene.keeps = {"versions": 3}

    await settled(scene)

    assert scene.pruned(*jobs) == [True, False, False]
    assert scene.removed == [jobs[0].id]


async def test_objects_wait_for_a_store_that_is_down(scene: Scene) -> None:
    jobs = [await scene.make() for _ in range(2)]
    scene.keeps = {"versions": 1}
    scene.store_is_down = True
    with pytest.raises(Unavailable):
        await settled(scene)
    assert scene.pruned(*jobs) == [True, False]

    scene.store_is_down = False
    await settled(scene)

    assert scene.removed == [jobs[0].id]


async def test_a_job_that_is_accepted_in_the_last_moment_keeps_its_reference(scene: Scene) -> None:
    old = await scene.make(slot=None)
    user = a_record(project=PROJECT, references=[{"asset": old.assets[0].id}])
    scene.keeps = {"days": 0}

    async def accept() -> None:
        await append_event(scene.events, "accepted", user, 0)

    scene.meanwhile["append"] = accept
    await settled(scene)

    assert scene.pruned(old) == [True]
    assert scene.removed == []
    entry = scene.events.latest(user.id)
    assert entry
    await transition(scene.events, entry, Expired(problem=Deadline().problem()))
    scene.keeps = {}
    await settled(scene)
    assert scene.removed == [old.id]


async def test_what_is_in_use_goes_when_it_is_not_any_more(scene: Scene) -> None:
    old = await scene.make(slot=None)
    user = a_record(project=PROJECT, references=[{"asset": old.assets[0].id}])
    entry = await append_event(scene.events, "accepted", user, 0)
    scene.keeps = {"days": 0}
    await settled(scene)
    assert scene.pruned(old) == [False]

    await transition(scene.events, entry, Expired(problem=Deadline().problem()))
    await settled(scene)

    assert scene.pruned(old) == [True]


async def test_jobs_without_a_result_go_from_their_slot(scene: Scene) -> None:
    record = a_record(project=PROJECT, slot=SLOT, kind="shot")
    entry = await append_event(scene.events, "accepted", record, 0)
    await transition(scene.events, entry, Expired(problem=Deadline().problem()))
    scene.keeps = {"kinds": {"shot": {"failed_days": 0}}}

    await settled(scene)

    assert scene.pruned(record) == [True]
    assert scene.removed == [record.id]
