"""A restore leaves no event log before all else is back, and makes it fit the new deployment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.client_errors import ClientError
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.job_steps import Step
from heliograph.runtime.backup.manifest import Manifest, StreamCopy
from heliograph.runtime.backup.restore import restore_backup
from heliograph.runtime.backup.save import save_backup
from heliograph.runtime.backup.stream_snapshots import restore_stream, save_stream
from heliograph.runtime.bus.budget_audit import audit_budget
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import RESTORING, epoch
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings
from tests.support.budget_gateways import a_job, set_limits
from tests.support.held_back import died_holding
from tests.support.records import a_record
from tests.support.servers import nats_running

UNREACHABLE = ServiceSettings.model_validate(
    {
        "s3_endpoint": "http://127.0.0.1:1",
        "s3_access_key": "anybody",
        "s3_secret_key": "no secret",
    }
)


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[JetStream]:
    """An empty server, single as that of `make up`."""
    with nats_running(tmp_path / "elsewhere") as server:
        connection = Connection(server.settings, "test")
        await connection.open()
        yield JetStream(connection.client)
        await connection.close()


@pytest.fixture
async def log(bus: NatsBus, tmp_path: Path) -> StreamCopy:
    """A copy of the event log."""
    await bus.events.append(EventEnvelope.of("accepted", a_record(), now(), "test"), 0)
    return await save_stream(bus.jetstream, STREAM, tmp_path)


def backup_of(*copies: StreamCopy, folder: Path, objects: int | None) -> Path:
    Manifest(created_at=now(), epoch="old", streams=[*copies], objects=objects).write(folder)
    return folder


async def test_without_its_objects_nothing_is_taken_for_a_whole_deployment(
    log: StreamCopy, elsewhere: JetStream, tmp_path: Path
) -> None:
    """Services would run what the backup shows as waiting, and pay for it again."""
    folder = backup_of(log, folder=tmp_path, objects=1)

    with pytest.raises(ClientError, match="the object store does not answer"):
        await restore_backup(elsewhere, UNREACHABLE, folder)

    assert not (await elsewhere.api("STREAM.NAMES"))["streams"]


async def test_a_backup_of_a_cluster_comes_back_on_a_single_server(
    log: StreamCopy, elsewhere: JetStream, tmp_path: Path
) -> None:
    clustered = log.model_copy(update={"config": {**log.config, "num_replicas": 3}})
    folder = backup_of(clustered, folder=tmp_path, objects=None)

    await restore_backup(elsewhere, ServiceSettings(), folder, run_unsent=True)

    assert (await elsewhere.api(f"STREAM.INFO.{STREAM}"))["config"]["num_replicas"] == 1


async def test_services_wait_until_a_restore_is_over(
    bus: NatsBus, elsewhere: JetStream, tmp_path: Path
) -> None:
    """One that began in between would submit what is about to fail. Begun again, the restore goes on."""
    record = a_record(parameters={"price": "0.25"})
    await bus.events.append(EventEnvelope.of("accepted", record, now(), "test"), 0)
    log = await save_stream(bus.jetstream, STREAM, tmp_path)
    folder = backup_of(log, folder=tmp_path, objects=None)
    metadata = {**log.config["metadata"], RESTORING: "yes"}
    await restore_stream(elsewhere, log, folder, {**log.config, "metadata": metadata})

    with pytest.raises(Unavailable, match="is being restored"):
        await epoch(elsewhere)
    report = await restore_backup(elsewhere, ServiceSettings(), folder)

    last = await JetStreamEventLog(elsewhere, "test").job(record.id)
    assert last
    assert (last.record.step, report.failed_jobs >= 1) == (Step.FAILED, True)
    assert await epoch(elsewhere)


async def test_a_job_that_was_being_accepted_fails_as_those_that_wait(
    bus: NatsBus, elsewhere: JetStream, project: str, tmp_path: Path
) -> None:
    """Its price was held, and it may have run since the backup."""
    await set_limits(bus, project, total="9")
    job = a_job(project)
    await died_holding(bus, job)
    log = await save_stream(bus.jetstream, STREAM, tmp_path)
    folder = backup_of(log, folder=tmp_path, objects=None)

    await restore_backup(elsewhere, ServiceSettings(), folder)

    last = await JetStreamEventLog(elsewhere, "test").job(job.id)
    assert last
    assert last.record.step is Step.FAILED
    audit = await audit_budget(elsewhere, project)
    assert audit
    assert audit.differences == []


@pytest.mark.parametrize("run_unsent", [False, True], ids=["unless", "if"])
async def test_waiting_requests_of_the_bus_come_back_if_nothing_ran_since(
    bus: NatsBus, log: StreamCopy, elsewhere: JetStream, tmp_path: Path, *, run_unsent: bool
) -> None:
    """One that was accepted after the backup, and paid for, would be accepted again."""
    requests = await save_stream(bus.jetstream, "REQUESTS", tmp_path)
    folder = backup_of(log, requests, folder=tmp_path, objects=None)

    await restore_backup(elsewhere, ServiceSettings(), folder, run_unsent=run_unsent)

    names = (await elsewhere.api("STREAM.NAMES"))["streams"]
    assert ("REQUESTS" in names) is run_unsent


async def test_a_backup_says_which_folder_it_cannot_make(bus: NatsBus) -> None:
    """In a container, the one that was mounted may be another user's."""
    with pytest.raises(ClientError, match="today cannot be made: Not a directory"):
        await save_backup(bus.jetstream, ServiceSettings(), Path(__file__) / "today")


async def test_sessions_of_browsers_are_not_in_a_backup(bus: NatsBus, tmp_path: Path) -> None:
    """One that was ended after the backup would be open again."""
    manifest = await save_backup(bus.jetstream, ServiceSettings(), tmp_path, with_objects=False)

    names = {copy.name for copy in manifest.streams}
    assert {STREAM, "KV_keys"} < names
    assert "KV_sessions" not in names
