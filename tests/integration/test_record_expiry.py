"""A key is kept as long as it is promised, and not after: then it makes a new job."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.job_events import Canceled, Pruned
from heliograph.contracts.records import Record
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from services.status.maintenance.record_expiry import RecordExpiry
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from tests.support.records import a_record

_NOTHING = timedelta(0)


async def _pruned(bus: NatsBus, read_model: SqlReadModel) -> Record:
    """A job of which only the record is left, and another one that is open."""
    accepted = EventEnvelope.of("accepted", a_record(), now(), "test")
    entry = await bus.events.append(accepted, 0)
    entry = await transition(bus.events, entry, Canceled())
    entry = await transition(bus.events, entry, Pruned(ended=entry.sequence))
    await read_model.apply([Row(1, entry.record), Row(2, a_record())], 0, 2)
    await read_model.apply([Row(entry.sequence, entry.record)], 2, entry.sequence)
    await read_model.objects_deleted([entry.record.id])
    return entry.record


async def _settled() -> None:
    """The read model has it all: it is filled by hand."""


def _expiry(bus: NatsBus, read_model: SqlReadModel, kept: timedelta | None) -> RecordExpiry:
    return RecordExpiry(
        jetstream=bus.jetstream,
        read_model=read_model,
        purges=Purges(bus.jetstream),
        projects=KeyValue(bus.jetstream, "projects"),
        settle=_settled,
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
    found = await bus.events.job(old.id)
    again = EventEnvelope.of("accepted", a_record(project=old.project, job=old.id), now(), "test")
    await bus.events.append(again, 0)
    await read_model.aclose()

    assert removed == 1
    assert found is None
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


def test_keys_outlive_the_batches_that_name_their_jobs() -> None:
    with pytest.raises(ValidationError, match="HELIOGRAPH_PLAN_RETENTION"):
        StatusSettings(idempotency_retention=timedelta(days=89))
