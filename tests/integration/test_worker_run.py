"""A run message meets a job as somebody else left it."""

import pytest

from heliograph.contracts.job_events import Started
from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from services.render.worker.run import run_job
from tests.support.budget_gateways import a_job, no_differences, set_limits
from tests.support.held_back import died_holding
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

    left = await run_job(a_worker(bus, nats.settings), record.project, record.id, message)

    assert left
    assert left.step is Step.RETRY_SCHEDULED
    assert (left.internal.unanswered, left.attempt, left.internal.attempts) == (1, 0, [])
    assert await bus.work.has_work(record.id)


async def test_a_job_whose_event_is_in_the_budget_record_only_is_accepted_and_runs(
    bus: NatsBus, nats: Server, project: str
) -> None:
    await set_limits(bus, project, total="9")
    job = a_job(project)
    await died_holding(bus, job)

    left = await run_job(a_worker(bus, nats.settings), project, job.id, 1)

    assert left
    assert left.step is not Step.ACCEPTED
    first, second, *_ = await bus.events.history(job.id, 0, 9)
    assert [first.event.name, second.event.name] == ["accepted", "started"]
    await no_differences(bus, project)


async def test_a_message_of_a_job_that_does_not_exist_is_done_with(
    bus: NatsBus, nats: Server, project: str
) -> None:
    await set_limits(bus, project, total="9")
    await died_holding(bus, a_job(project))

    assert await run_job(a_worker(bus, nats.settings), project, a_job(project).id, 1) is None
