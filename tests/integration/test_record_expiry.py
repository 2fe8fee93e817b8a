"""A key is kept as long as it is promised, and not after: then it makes a new job."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from heliograph.contracts import subjects
from heliograph.contracts.budgets.pending import PendingEvent
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.job_events import Canceled, JobEvent, Pruned, Started, Submitting
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.marks import BudgetMarks, CachedBudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from services.status.maintenance.record_expiry import RecordExpiry
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from tests.support.budget_gateways import set_limits
from tests.support.records import a_record

_NOTHING = timedelta(0)


_PAID: tuple[JobEvent, ...] = (
    Started(run=1),
    Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[]),
    Canceled(charged="yes"),
)


async def _pruned(
    bus: NatsBus, read_model: SqlReadModel, facts: Sequence[JobEvent] = (Canceled(),)
) -> Record:
    """A job of which only the record is left, and another one that is open."""
    record = a_record().model_copy(update={"cost": Cost(estimated=Decimal("0.25"))})
    entry = await bus.events.append(EventEnvelope.of("accepted", record, now(), "test"), 0)
    for fact in facts:
        entry = await transition(bus.events, entry, fact)
    entry = await transition(bus.events, entry, Pruned(ended=entry.sequence))
    await read_model.apply([Row(1, entry.record), Row(2, a_record())], 0, 2)
    await read_model.apply([Row(entry.sequence, entry.record)], 2, entry.sequence)
    await read_model.objects_deleted([entry.record.id])
    return entry.record


async def _held(bus: NatsBus, job: Record) -> tuple[BudgetRecord, int]:
    """
    Write a budget record in which the first event of a job is pending. Returns the record before it, and its
    own sequence.
    """
    await set_limits(bus, job.project, total="9")
    first = EventEnvelope.of("accepted", job, now(), "test")
    pending = PendingEvent(
        subject=first.subject, headers=first.headers(), data=first.data().decode()
    )
    sequence, budget = await BudgetLog(bus.jetstream).read(job.project)
    assert budget
    written = await BudgetLog(bus.jetstream).write(
        budget.model_copy(update={"pending": pending}), sequence
    )
    return budget, written


async def _wait_for_log() -> None:
    """The read model has it all: it is filled by hand."""


class _Marks:
    """`BudgetMarks` of some projects; others have a budget from the second look on."""

    def __init__(self, *projects: str, later: str = "") -> None:
        self._projects = {*projects}
        self._later = later

    def has_budget(self, project: str) -> bool:
        return project in self._projects | {self._later}

    def counts_jobs(self, project: str) -> bool:
        return False

    def with_budget(self) -> set[str]:
        return self._projects


def _expiry(
    bus: NatsBus, read_model: SqlReadModel, kept: timedelta | None, marks: BudgetMarks | None = None
) -> RecordExpiry:
    return RecordExpiry(
        jetstream=bus.jetstream,
        read_model=read_model,
        purges=Purges(bus.jetstream),
        marks=marks or _Marks(),
        wait_for_log=_wait_for_log,
        settings=StatusSettings(idempotency_retention=kept, plan_retention=_NOTHING),
    )


@pytest.fixture
async def read_model(bus: NatsBus, tmp_path: Path) -> SqlReadModel:
    model = SqlReadModel(f"sqlite+aiosqlite:///{tmp_path / 'jobs.sqlite'}")
    await model.prepare()
    await model.open(bus.epoch)
    return model


async def test_a_key_that_is_kept_no_longer_makes_a_new_job(
    bus: NatsBus, read_model: SqlReadModel
) -> None:
    old = await _pruned(bus, read_model)

    removed = await _expiry(bus, read_model, _NOTHING).round()
    entry = await bus.events.job(old.id)
    again = EventEnvelope.of("accepted", a_record(project=old.project, job=old.id), now(), "test")
    await bus.events.append(again, 0)
    await read_model.aclose()

    assert removed == 1
    assert entry is None
    assert await Purges(bus.jetstream).newest(old.project) > 0


@pytest.mark.parametrize("kept", [None, timedelta(days=90)], ids=["for ever", "for a while"])
async def test_a_key_that_is_kept_finds_its_job(
    bus: NatsBus, read_model: SqlReadModel, kept: timedelta | None
) -> None:
    old = await _pruned(bus, read_model)

    removed = await _expiry(bus, read_model, kept).round()
    await read_model.aclose()

    assert removed == 0
    assert await bus.events.job(old.id)


@pytest.mark.parametrize("since", ["before", "just now"])
async def test_what_a_job_cost_stays_in_the_log_while_its_project_has_a_budget(
    bus: NatsBus, read_model: SqlReadModel, since: str
) -> None:
    old = await _pruned(bus, read_model, _PAID)
    marks = _Marks(old.project) if since == "before" else _Marks(later=old.project)

    kept = await _expiry(bus, read_model, _NOTHING, marks).round()
    removed = await _expiry(bus, read_model, _NOTHING).round()
    await read_model.aclose()

    assert (kept, removed) == (0, 1)


async def test_a_record_stays_while_its_first_event_may_be_stored_once_more(
    bus: NatsBus, read_model: SqlReadModel
) -> None:
    """The budget that holds it was being removed, and whoever did it died."""
    old = await _pruned(bus, read_model, _PAID)
    budget, written = await _held(bus, old)

    kept = await _expiry(bus, read_model, _NOTHING).round()
    await BudgetLog(bus.jetstream).write(budget, written)
    removed = await _expiry(bus, read_model, _NOTHING).round()
    await read_model.aclose()

    assert (kept, removed) == (0, 1)


async def test_nothing_is_removed_while_it_is_not_known_who_has_a_budget(
    bus: NatsBus, read_model: SqlReadModel
) -> None:
    old = await _pruned(bus, read_model)
    unread = CachedBudgetMarks(KvCache(bus.jetstream, "projects"), confirmed_within=5)

    with pytest.raises(Unavailable):
        await _expiry(bus, read_model, _NOTHING, unread).round()
    await read_model.aclose()

    assert await bus.events.job(old.id)


def test_keys_outlive_the_batches_that_name_their_jobs() -> None:
    with pytest.raises(ValidationError, match="HELIOGRAPH_PLAN_RETENTION"):
        StatusSettings(idempotency_retention=timedelta(days=89))


async def test_what_was_asked_for_is_in_no_budget_record_once_its_job_is_removed(
    bus: NatsBus, read_model: SqlReadModel
) -> None:
    old = await _pruned(bus, read_model, _PAID)
    budget, written = await _held(bus, old)
    await BudgetLog(bus.jetstream).write(budget, written)

    removed = await _expiry(bus, read_model, _NOTHING).round()
    await read_model.aclose()

    assert removed == 1
    every = bus.jetstream.read_acknowledged(STREAM, subjects.money(old.project))
    assert [old.prompt.encode() in each.data async for each in every] == [False]
