"""A dispatcher of its own gives jobs their turn while no render runs, as a user that may do no more."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.job_events import Canceled
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import JobEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.bus.work_queue import STREAM, ticket_for
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings
from services.render.settings import RenderSettings
from tests.support.records import CURRENT_CATALOG, a_record, some_project
from tests.support.servers import nats_running
from tests.support.timeouts import TIMEOUT


@contextmanager
def _render(home: Path, settings: ServiceSettings, user: str, **variables: str) -> Iterator[None]:
    """A process of render, as a user of the bus."""
    place = settings.nats.removeprefix("nats://").rpartition("@")[2]
    environment = {
        "PATH": os.environ["PATH"],
        "HELIOGRAPH_HOME": str(home),
        "HELIOGRAPH_NATS_URL": f"nats://{place}",
        "HELIOGRAPH_NATS_NKEY_FILE": str(settings.folder.nats_users.user(user).seed_file),
        "HELIOGRAPH_PROVISION": "false",
        "HELIOGRAPH_RENDER_PORT": "0",
        **variables,
    }
    command, output = [sys.executable, "-m", "services.render"], home / f"{user}.log"
    with (
        output.open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            ended = process.poll()
            process.kill()
            assert ended is None, output.read_text()


async def _accepted(bus: NatsBus, **fields: Any) -> JobEntry:
    """The event of a new job, which waits for nothing yet."""
    record = a_record(**fields)
    entry = await bus.events.append(EventEnvelope.of("accepted", record, now(), "test"), 0)
    return JobEntry(entry.sequence, entry.event)


async def _until_ready(bus: NatsBus, record: Record) -> None:
    """Until a job lies on its lane."""
    ready = subjects.run(record.lane, record.project, record.id)
    while await bus.jetstream.last(STREAM, ready) is None:
        await asyncio.sleep(0.05)


async def _until(bus: NatsBus, record: Record, step: Step) -> None:
    while (entry := await bus.events.job(record.id)) and entry.record.step is not step:
        await asyncio.sleep(0.05)


async def test_jobs_get_their_turn_without_a_render_and_run_when_one_starts(tmp_path: Path) -> None:
    with nats_running(tmp_path / "nats") as server:
        bus = NatsBus(server.settings, CURRENT_CATALOG, "test")
        await bus.open()
        project = some_project()
        job, other = [await _accepted(bus, project=project) for _ in range(2)]
        dependent = await _accepted(bus, project=project, after=[other.record.id])
        async with asyncio.timeout(TIMEOUT):
            with _render(tmp_path, server.settings, "dispatcher", HELIOGRAPH_RUN_JOBS="false"):
                for each in (job, dependent):
                    await bus.work.enqueue(ticket_for(each.record))
                await _until_ready(bus, job.record)
                before = await bus.events.job(job.record.id)
                await transition(bus.events, other, Canceled())
                await _until(bus, dependent.record, Step.FAILED)
                with _render(tmp_path, server.settings, "render", HELIOGRAPH_DISPATCH="false"):
                    await _until(bus, job.record, Step.RENDERED)
        await bus.close()

    assert before
    assert before.record.step is Step.ACCEPTED


def test_a_process_without_any_role_does_not_start() -> None:
    with pytest.raises(ValidationError, match="nothing is left to do"):
        RenderSettings(dispatch=False, run_jobs=False)
