"""A run message meets a job as somebody else left it."""

import pytest

from heliograph.contracts.job_events import Started
from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from services.render.worker.run import run_job
from tests.support.records import a_record
from tests.support.servers import Server
from tests.support.workers import a_worker


@pytest.mark.parametrize("message", [1, 2])
async def test_a_start_whose_worker_died_is_counted_and_followed_by_a_pause(
    bus: NatsBus, nats: Server, message: int
) -> None:
    record = a_record()
    accepted = await append_event(bus.events, "accepted", record, 0)
    await transition(bus.events, accepted, Started(run=1))

    left = await run_job(a_worker(bus, nats.settings), record.id, message)

    assert left
    assert left.step is Step.RETRY_SCHEDULED
    assert (left.internal.unanswered, left.attempt, left.internal.attempts) == (1, 0, [])
    assert await bus.work.has_work(record.id)
