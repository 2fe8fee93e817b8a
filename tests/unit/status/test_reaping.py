"""However many jobs are only waiting, those that need the reaper get their turn."""

from datetime import timedelta
from pathlib import Path

import pytest

from heliograph.contracts.errors import SubmitUnknown as NobodyKnows
from heliograph.contracts.events import Event
from heliograph.contracts.facts import Fact, Started, Submitting, SubmitUnknown
from heliograph.contracts.names import new_job_id
from heliograph.contracts.records import Record
from heliograph.runtime.bus import advance, now
from heliograph.runtime.bus.memory import MemoryAccounts, MemoryEvents, MemoryWork
from heliograph.runtime.bus.work import ticket_for
from services.status import reaping
from services.status.ledgers import Row
from services.status.ledgers.sql import SqlLedger
from services.status.reaping import Reaper
from services.status.settings import StatusSettings
from tests.support.records import a_record

_IN_THE_DARK: tuple[Fact, ...] = (
    Started(run=1),
    Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
    SubmitUnknown(run=1, problem=NobodyKnows().problem()),
)


class Scene:
    """A log and a queue in memory, a read model that is up to date with them, and a reaper."""

    def __init__(self, ledger: SqlLedger, home: Path) -> None:
        self.events = MemoryEvents()
        self.work = MemoryWork()
        self.hints: list[str] = []
        self._ledger = ledger
        settings = StatusSettings(_env_file=None, home=home, look_up_first=1e-6, reap_after=60)
        self.reaper = Reaper(
            self.events, self.work, MemoryAccounts(cap=1), self._hint, ledger, settings
        )

    async def _hint(self, subject: str, body: bytes = b"") -> None:
        self.hints.append(subject)

    async def a_job(self, template: Record, *facts: Fact, quiet: float) -> Record:
        """Nothing happened to it for so many seconds."""
        at = now() - timedelta(seconds=quiet)
        internal = template.internal.model_copy(update={"changed_at": at})
        job = template.model_copy(update={"id": new_job_id(), "internal": internal})
        entry = await self.events.append(Event.of("accepted", job, at, "test"), 0)
        for fact in facts:
            entry = await advance(self.events, entry, fact, "test")
        return entry.record

    async def project(self) -> None:
        cursor = await self._ledger.position()
        news = self.events.log[cursor:]
        latest = {entry.event.body.id: entry for entry in news}.values()
        rows = [Row(entry.sequence, entry.record) for entry in latest]
        await self._ledger.apply(rows, cursor, cursor + len(news))


@pytest.fixture
def scene(ledger: SqlLedger, tmp_path: Path) -> Scene:
    return Scene(ledger, tmp_path)


@pytest.fixture(autouse=True)
def _small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "_AT_ONCE", 5)


async def test_a_lost_job_behind_many_that_wait_is_put_back(scene: Scene) -> None:
    template = a_record(project="demo")
    for quiet in range(12):
        waiting = await scene.a_job(template, quiet=1_000 + quiet)
        await scene.work.enqueue(ticket_for(waiting))
    lost = await scene.a_job(template, quiet=100)
    await scene.project()

    for _ in range(3):
        await scene.reaper.sweep()

    assert lost.id in scene.work.queue


async def test_the_rounds_begin_again_when_they_have_seen_every_job(scene: Scene) -> None:
    jobs = [await scene.a_job(a_record(project="demo"), quiet=100 + age) for age in range(7)]
    await scene.project()
    for _ in range(2):
        await scene.reaper.sweep()
    assert set(scene.work.queue) == {job.id for job in jobs}

    scene.work.queue.clear()
    for _ in range(2):
        await scene.reaper.sweep()

    assert set(scene.work.queue) == {job.id for job in jobs}


async def test_every_request_that_nobody_knows_of_is_looked_for(scene: Scene) -> None:
    template = a_record(project="demo")
    jobs = [await scene.a_job(template, *_IN_THE_DARK, quiet=0) for _ in range(12)]
    await scene.project()

    for _ in range(4):
        await scene.reaper.sweep()

    assert {hint.rsplit(".", 1)[1] for hint in scene.hints} == {job.id for job in jobs}
