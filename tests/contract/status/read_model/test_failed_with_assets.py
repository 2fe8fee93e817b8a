"""What was kept of a job that failed is no version, is counted, and goes with the job."""

from datetime import UTC, datetime

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import ProviderProtocol
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_events import Failed, Pruned, Rendered, Started, Submitting
from heliograph.contracts.queries.slots import GetSlot, ListSlots
from heliograph.contracts.records import Record
from heliograph.contracts.retention import Retention, Rule
from heliograph.contracts.state_machine import apply
from services.status.maintenance.retention_policy import choose, report_of
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOT = "story/dusk"


def a_failure() -> Record:
    record = a_record(project="demo", kind="scenes", slot=SLOT, parameters={"price": "0.01"})
    asset = Asset(
        id=asset_id(record.id, 0), index=0, media_type="text/plain", bytes=100, sha256="0" * 64
    )
    submitting = Submitting(run=1, endpoint="text", prompt="p", arguments={}, references=[])
    for fact in (
        *(Started(run=1), submitting, Rendered(run=1, outputs=[])),
        Failed(problem=ProviderProtocol().problem(), charged="yes", assets=[asset]),
    ):
        record = apply(record, fact, NOW)
    return record


async def test_it_fills_no_slot(read_model: SqlReadModel) -> None:
    job = a_failure()
    await read_model.apply([Row(1, job)], 0, 1)

    assert await read_model.versions("demo", SLOT, 0, 10) == []
    assert await read_model.filled("demo", [SLOT]) == {}
    [slot] = (await read_model.slot(GetSlot(project="demo", slot=SLOT))).slots
    assert (slot.versions, slot.latest) == (0, None)
    assert [row.record.id for row in slot.failures] == [job.id]
    assert len((await read_model.slots(ListSlots(project="demo"))).slots) == 1


async def test_its_objects_are_counted_and_go_with_it(read_model: SqlReadModel) -> None:
    job = a_failure()
    await read_model.apply([Row(1, job)], 0, 1)

    ended = await read_model.ended("demo", Rule(failed_days=0), NOW)
    choice = choose(ended, Retention(failed_days=0), {}, NOW)

    report = report_of(choice, "demo", dry_run=True)
    assert (report.jobs, report.objects, report.bytes) == (1, 1, 100)
    assert report.items[0].reason == "failed_days"
    pruned = apply(job, Pruned(ended=1), NOW)
    await read_model.apply([Row(2, pruned)], 1, 2)
    assert (pruned.assets, pruned.stored) == ([], job.assets)
    assert await read_model.unemptied(datetime.now(UTC).replace(year=2031), 10) == [job.id]


async def test_days_of_results_do_not_let_it_go(read_model: SqlReadModel) -> None:
    await read_model.apply([Row(1, a_failure())], 0, 1)

    assert await read_model.ended("demo", Rule(days=0), NOW) == []
