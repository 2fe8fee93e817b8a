"""However many jobs are only waiting, those that need the reaper get their turn."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from heliograph.contracts import subjects
from heliograph.contracts.errors import Deadline, SubmitOutcomeUnknown
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import (
    Expired,
    ExpireRequested,
    JobEvent,
    Rendered,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.clock import now
from heliograph.testing.account_permits import MemoryAccountPermits
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.work_queue import MemoryWorkQueue
from services.status.maintenance import sweep_rules, sweeper
from services.status.maintenance.sweep_rules import max_stop_seconds
from services.status.maintenance.sweeper import Sweeper
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from tests.support.records import CATALOG, CURRENT_CATALOG, a_record

_IN_THE_DARK: tuple[JobEvent, ...] = (
    Started(run=1),
    Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
    SubmitUnknown(run=1, problem=SubmitOutcomeUnknown().problem()),
)


class Scene:
    """A log and a queue in memory, a read model that is up to date with them, and a reaper."""

    def __init__(self, read_model: SqlReadModel, home: Path) -> None:
        self.events = MemoryEventLog()
        self.work = MemoryWorkQueue()
        self.hints: list[str] = []
        self._read_model = read_model
        self.accounts = MemoryAccountPermits(cap=1)
        settings = StatusSettings(
            _env_file=None, home=home, lookup_backoff_min=1e-6, sweep_idle_after=60
        )
        self.reaper = Sweeper(
            events=self.events,
            work=self.work,
            accounts=self.accounts,
            notify=self._hint,
            read_model=read_model,
            catalog=CURRENT_CATALOG,
            settings=settings,
        )

    async def _hint(self, subject: str, body: bytes = b"") -> None:
        self.hints.append(subject)

    async def a_job(self, template: Record, *facts: JobEvent, quiet: float) -> Record:
        """Nothing happened to it for so many seconds."""
        at = now() - timedelta(seconds=quiet)
        internal = template.internal.model_copy(update={"changed_at": at})
        job = template.model_copy(update={"id": new_job_id(), "internal": internal})
        entry = await append_event(self.events, "accepted", job, 0, at)
        for fact in facts:
            entry = await transition(self.events, entry, fact)
        return entry.record

    def step_of(self, job: Record) -> Step:
        latest = self.events.latest(job.id)
        assert latest
        return latest.record.step

    async def project(self) -> None:
        cursor = await self._read_model.cursor()
        news = self.events.log[cursor:]
        latest = {entry.event.body.id: entry for entry in news}.values()
        rows = [Row(entry.sequence, entry.record) for entry in latest]
        await self._read_model.apply(rows, cursor, cursor + len(news))


@pytest.fixture
def scene(read_model: SqlReadModel, tmp_path: Path) -> Scene:
    return Scene(read_model, tmp_path)


@pytest.fixture(autouse=True)
def _small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "_BATCH_SIZE", 5)


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


async def test_every_lost_request_is_looked_up(scene: Scene) -> None:
    template = a_record(project="demo")
    jobs = [await scene.a_job(template, *_IN_THE_DARK, quiet=0) for _ in range(12)]
    await scene.project()

    for _ in range(4):
        await scene.reaper.sweep()

    assert {hint.rsplit(".", 1)[1] for hint in scene.hints} == {job.id for job in jobs}


_SENT: tuple[JobEvent, ...] = (*_IN_THE_DARK[:2], Submitted(run=1, request_id="r-1"))


async def test_a_deadline_is_a_request_while_the_job_may_be_at_the_provider(scene: Scene) -> None:
    late = await scene.a_job(a_late_record(), *_SENT, quiet=0)
    await scene.project()

    await scene.reaper.sweep()

    assert [entry.event.name for entry in scene.events.of(late.id)][-1] == "expire_requested"
    assert scene.hints == [subjects.record_changed(late.id)]


async def test_a_worker_that_does_not_stop_in_time_loses_the_job_and_keeps_the_request(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = await scene.a_job(a_late_record(), *_SENT, ExpireRequested(), quiet=0)
    await scene.project()
    await scene.reaper.sweep()
    assert scene.step_of(late) == Step.SUBMITTED

    monkeypatch.setattr(sweep_rules, "max_stop_seconds", lambda *_: 0.0)
    await scene.reaper.sweep()

    latest = scene.events.latest(late.id)
    assert latest
    assert (latest.record.status, latest.record.runs_on) == ("expired", True)
    assert latest.record.internal.attempts[-1].request_id == "r-1"
    assert late.id in scene.work.queue, "somebody has to learn what becomes of the request"


@pytest.mark.parametrize("facts", [(), _IN_THE_DARK[:1], (*_SENT, Rendered(run=1, outputs=[]))])
async def test_a_deadline_ends_at_once_what_is_not_at_the_provider(
    scene: Scene, facts: tuple[JobEvent, ...]
) -> None:
    late = await scene.a_job(a_late_record(), *facts, quiet=0)
    await scene.project()

    await scene.reaper.sweep()

    assert scene.step_of(late) == Step.EXPIRED


async def test_an_inline_answer_has_its_own_time(scene: Scene) -> None:
    settings = StatusSettings(_env_file=None)
    openai = a_record(project="demo").model_copy(update={"model": "openai/gpt-image-2"})
    answers_within = CATALOG.models["openai/gpt-image-2"].answers_within or 0

    patience = max_stop_seconds(openai, CATALOG, settings)

    assert patience == answers_within + settings.ack_wait > 60


async def test_the_place_of_a_request_that_runs_on_is_kept_for_as_long_as_it_may_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = a_late_record()
    internal = late.internal.model_copy(update={"timeout_seconds": 0.05})
    late = late.model_copy(update={"internal": internal})
    over = Expired(problem=Deadline().problem(), charged="unknown", runs_on=True)
    job = await scene.a_job(late, *_SENT, ExpireRequested(), over, quiet=0)
    await scene.accounts.acquire("sim", job.id, 1)

    await scene.reaper.sweep()
    assert job.id in scene.accounts.held["sim"]
    await asyncio.sleep(0.1)
    await scene.reaper.sweep()

    assert job.id not in scene.accounts.held["sim"]


def a_late_record() -> Record:
    return a_record(project="demo").model_copy(update={"finish_by": now() - timedelta(seconds=1)})
