"""A request that stood still while others went on learns what became of it meanwhile."""

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest

from heliograph.contracts.errors import (
    IdempotencyKeyReused,
    QueueFull,
    StateConflict,
    TooManyJobs,
    Unavailable,
    Unreadable,
)
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import Canceled
from heliograph.contracts.records import Marker, Record
from heliograph.runtime.budgets.job_budgets import NoBudgets
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.slot_claims import MemorySlotClaims
from heliograph.testing.work_queue import MemoryWorkQueue
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import JobAcceptance
from tests.support.acceptance import accept
from tests.support.memory_gateway import a_gateway
from tests.support.quotas import unknown_quotas
from tests.support.records import a_record, a_request, some_project
from tests.support.timeouts import TIMEOUT

SLOT = "portrait/keeper"

_NONE = cast(Any, None)  #: a part that no request here has need of


class UnknownBudgets(NoBudgets):
    """`JobBudgets` of a gateway that has not read for a while which projects have one."""

    def applies_to(self, job: Record) -> bool:
        raise Unavailable("whether the project has a budget is not known")


class NotedLookUps(NoBudgets):
    """`JobBudgets` that note which jobs are looked up before their commit."""

    def __init__(self) -> None:
        self.looked_up: list[str] = []

    def look_up_ahead(self, project: str, job: str) -> None:
        self.looked_up.append(job)


class Standstill:
    """A gate at which a job stands still before it is accepted, until `go`."""

    def __init__(self, job: str) -> None:
        self._act = ("append", job, "accepted")
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, *act: object) -> None:
        await asyncio.sleep(0)
        if act == self._act:
            self.reached.set()
            await self.go.wait()


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("is_over", [False, True])
async def test_an_abandoned_submission_gets_a_conflict(keyed: bool, is_over: bool) -> None:
    project = some_project()
    slow, quick = (a_record(project=project, slot=SLOT) for _ in range(2))
    standstill = Standstill(slow.id)
    events, slots, work = MemoryEventLog(standstill), MemorySlotClaims(), MemoryWorkQueue()
    acceptance = JobAcceptance(events=events, work=work, slots=slots, claim_timeout=0)

    late = asyncio.create_task(accept(acceptance, slow, keyed=keyed))
    await standstill.reached.wait()
    accepted = await accept(acceptance, quick, keyed=False)
    if is_over:
        await transition(events, accepted.entry, Canceled())
    standstill.go.set()

    with pytest.raises(StateConflict):
        async with asyncio.timeout(TIMEOUT):
            await late
    assert list(work.queue) == [quick.id]
    assert (await slots.read(project, SLOT)).job == quick.id


async def test_a_request_that_lost_its_slot_to_one_that_is_over_takes_it() -> None:
    """Losing a race says nothing about the job itself."""
    project = some_project()
    slow, quick = (a_record(project=project, slot=SLOT) for _ in range(2))
    held, reached = asyncio.Event(), asyncio.Event()

    async def gate(*act: object) -> None:
        await asyncio.sleep(0)
        if act == ("claim slot", SLOT, slow.id):
            reached.set()
            await held.wait()

    events, slots, work = MemoryEventLog(), MemorySlotClaims(gate), MemoryWorkQueue()
    acceptance = JobAcceptance(events=events, work=work, slots=slots)

    late = asyncio.create_task(accept(acceptance, slow, keyed=False))
    await reached.wait()
    accepted = await accept(acceptance, quick, keyed=False)
    await transition(events, accepted.entry, Canceled())
    held.set()

    async with asyncio.timeout(TIMEOUT):
        assert (await late).job.id == slow.id
    assert (await slots.read(project, SLOT)).job == slow.id


@pytest.mark.parametrize(
    "refused",
    [
        {"arguments": {"n": 8}},
        {"references": [{"url": "http://["}]},
        {"arguments": {"model": "x"}},
        {"prompt": " "},
        {"quote": ""},
    ],
    ids=str,
)
async def test_a_known_key_is_answered_though_its_body_would_be_refused_today(
    refused: dict[str, Any],
) -> None:
    identity = identify_request(some_project(), uuid4().hex)
    request = a_request(model="sim/picture", **refused)
    record = a_record(project=identity.project, job=identity.job)
    digest = record.internal.model_copy(update={"body_digest": request.digest()})
    before = record.model_copy(update={"internal": digest, "arguments": request.arguments})
    events = MemoryEventLog()
    await append_event(events, "accepted", before, 0)
    jobs = a_gateway(events)

    accepted = await jobs.submit(request, identity)

    assert (accepted.replayed, accepted.job) == (True, before)


async def test_a_job_that_does_not_fit_into_the_queue_is_accepted_all_the_same() -> None:
    record = a_record(slot=SLOT)
    events, slots, work = MemoryEventLog(), MemorySlotClaims(), MemoryWorkQueue(_full_queue)
    acceptance = JobAcceptance(events=events, work=work, slots=slots)

    accepted = await accept(acceptance, record, keyed=True)
    again = await accept(acceptance, record, keyed=True)

    assert accepted.job.id == again.job.id == record.id
    assert again.replayed
    assert not work.queue


async def _full_queue(act: str, *_: object) -> None:
    if act == "enqueue":
        raise QueueFull


async def test_a_known_key_is_answered_though_no_more_jobs_may_wait() -> None:
    jobs, project = a_gateway(MemoryEventLog(), may_wait=1), some_project()
    identity = identify_request(project, uuid4().hex)
    first = await jobs.submit(a_request(), identity)

    with pytest.raises((TooManyJobs, QueueFull)):
        await jobs.submit(a_request(), identify_request(project, uuid4().hex))
    again = await jobs.submit(a_request(), identity)

    assert (again.replayed, again.job) == (True, first.job)


async def test_a_repeated_request_takes_no_room_of_new_jobs() -> None:
    jobs, project = a_gateway(MemoryEventLog(), may_wait=3), some_project()
    identity = identify_request(project, uuid4().hex)
    await jobs.submit(a_request(), identity)

    for _ in range(5):
        assert (await jobs.submit(a_request(), identity)).replayed
        with pytest.raises(IdempotencyKeyReused):
            await jobs.submit(a_request(prompt="another"), identity)

    await jobs.submit(a_request(), identify_request(project, uuid4().hex))
    await jobs.submit(a_request(), identify_request(project, uuid4().hex))


async def test_a_new_job_is_accepted_without_a_read_of_the_log() -> None:
    acts: list[object] = []

    async def gate(*act: object) -> None:
        acts.append(act[0])

    jobs = a_gateway(MemoryEventLog(gate))

    await jobs.submit(a_request(), identify_request(some_project(), uuid4().hex))

    assert acts == ["append"]


@pytest.mark.parametrize(
    "without",
    [{"quotas": unknown_quotas()}, {"budgets": UnknownBudgets()}],
    ids=["the quotas are not known", "the budget is not known"],
)
async def test_a_known_key_is_answered_before_money_and_rates(without: dict[str, Any]) -> None:
    events, project = MemoryEventLog(), some_project()
    identity = identify_request(project, uuid4().hex)
    first = await a_gateway(events).submit(a_request(), identity)
    jobs = a_gateway(events, **without)

    again = await jobs.submit(a_request(), identity)

    assert (again.replayed, again.job) == (True, first.job)
    with pytest.raises(IdempotencyKeyReused):
        await jobs.submit(a_request(prompt="another"), identity)
    with pytest.raises(Unavailable, match="not known"):
        await jobs.submit(a_request(), identify_request(project, uuid4().hex))


async def test_a_log_that_does_not_answer_either_is_no_other_error() -> None:
    async def gate(*act: object) -> None:
        raise Unavailable("the log does not answer")

    jobs = a_gateway(MemoryEventLog(gate), quotas=unknown_quotas())

    with pytest.raises(Unavailable, match="quotas"):
        await jobs.submit(a_request(), identify_request(some_project(), uuid4().hex))


async def test_a_log_that_does_not_answer_is_asked_once() -> None:
    """Whether the job is accepted is unknown: the client sends its request again, with its key."""
    acts: list[object] = []

    async def gate(*act: object) -> None:
        acts.append(act[0])
        raise Unavailable

    jobs = a_gateway(MemoryEventLog(gate))

    with pytest.raises(Unavailable):
        await jobs.submit(a_request(), identify_request(some_project(), uuid4().hex))

    assert acts == ["append"]


async def test_a_key_that_stands_for_a_job_the_log_lacks_cannot_be_read() -> None:
    events, project = MemoryEventLog(), some_project()
    identity = identify_request(project, uuid4().hex)
    marker = Marker(id=identity.job, project=project, marker="deduplicated", answer=new_job_id())
    await append_event(events, "deduplicated", marker, 0)

    with pytest.raises(Unreadable, match=identity.job):
        await a_gateway(events).submit(a_request(), identity)


async def test_the_record_of_a_marker_cannot_be_read() -> None:
    marker = Marker(id=new_job_id(), project=some_project(), marker="fenced")
    entry = await append_event(MemoryEventLog(), "canceled", marker, 0)

    with pytest.raises(Unreadable, match=marker.id):
        _ = entry.record


async def test_the_job_of_a_request_is_looked_up_before_the_request_is_checked() -> None:
    budgets = NotedLookUps()
    jobs = a_gateway(MemoryEventLog(), may_wait=0, budgets=budgets)
    identity = identify_request(some_project(), uuid4().hex)

    with pytest.raises(QueueFull):
        await jobs.submit(a_request(), identity)

    assert budgets.looked_up == [identity.job]
