"""Requests that nobody could see when their response was lost, and that are looked for again."""

from typing import Any

import pytest

from heliograph.contracts.job_events import JobEvent, Started, Submitting, SubmitUnknown
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from services.render.providers.submissions import AmbiguousSubmit
from services.render.worker.context import Worker
from services.render.worker.lost_requests import find_lost_request
from services.render.worker.outcomes import unknown_outcome_problem
from services.render.worker.recorded_submission import build_submission
from tests.support.records import CATALOG, a_record
from tests.support.servers import Server
from tests.support.workers import a_worker

RUN = 7


async def _accepted(bus: NatsBus, **fields: Any) -> LogEntry:
    record = a_record(**fields)
    return await append_event(bus.events, "accepted", record, 0)


async def _with(bus: NatsBus, entry: LogEntry, fact: JobEvent) -> LogEntry:
    return await transition(bus.events, entry, fact)


async def _submitting(bus: NatsBus, fault: str) -> LogEntry:
    """A job whose one POST is about to be sent."""
    entry = await _accepted(bus, parameters={"seconds": 0, "fault": fault})
    entry = await _with(bus, entry, Started(run=RUN))
    arguments = {"prompt": "a lighthouse", "seconds": 0, "fault": fault}
    intent = Submitting(
        run=RUN, endpoint="picture", prompt="a lighthouse", arguments=arguments, references=[]
    )
    return await _with(bus, entry, intent)


async def _given_up(bus: NatsBus, entry: LogEntry) -> LogEntry:
    return await _with(
        bus, entry, SubmitUnknown(run=RUN, problem=unknown_outcome_problem(entry.record))
    )


async def _read(worker: Worker, job: str) -> Record:
    entry = await worker.read(job)
    assert entry
    return entry.record


async def test_a_request_that_is_found_late_is_followed(bus: NatsBus, nats: Server) -> None:
    worker = a_worker(bus, nats.settings)
    entry = await _submitting(bus, "found_reply")
    with pytest.raises(AmbiguousSubmit):
        await worker.provider(entry.record).submit(build_submission(entry.record, CATALOG))
    entry = await _given_up(bus, entry)

    await find_lost_request(worker, entry.record.id)

    record = await _read(worker, entry.record.id)
    assert record.step is Step.SUBMITTED
    assert record.internal.attempts[-1].request_id
    assert await bus.work.has_work(record.id)


@pytest.mark.parametrize("fault", ["lost_reply", "found_reply"])
async def test_a_request_that_is_not_found_stays_unknown(
    bus: NatsBus, nats: Server, fault: str
) -> None:
    worker = a_worker(bus, nats.settings)
    entry = await _given_up(bus, await _submitting(bus, fault))

    await find_lost_request(worker, entry.record.id)

    assert (await _read(worker, entry.record.id)).revision == entry.record.revision
    assert not await bus.work.has_work(entry.record.id)


async def test_a_job_that_is_not_lost_is_unchanged(bus: NatsBus, nats: Server) -> None:
    worker = a_worker(bus, nats.settings)
    entry = await _accepted(bus)

    await find_lost_request(worker, entry.record.id)
    await find_lost_request(worker, "job_01ARZ3NDEKTSV4RRFFQ69G5FAV")

    assert (await _read(worker, entry.record.id)).revision == 1
