"""Permits and rate counters on a real server, shared by gateways that know nothing of each other."""

import asyncio
from typing import cast

import pytest

from heliograph.contracts.errors import TooManyJobs, TooManyRequests, Unavailable
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.queries.jobs import JobStates
from heliograph.contracts.quotas import ProjectQuotas, Quotas, RequestRate
from heliograph.runtime.bus.kv import KeyValue, KvEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.rate_counters import RateCounters
from services.gateway.limits.job_permits import JobPermits
from services.gateway.limits.quota_admission import QuotaAdmission
from services.gateway.limits.rate_limiter import RateLimiter
from tests.support.records import a_record, some_project
from tests.support.replies import Replies
from tests.support.timeouts import TIMEOUT


@pytest.fixture
def holder() -> str:
    return f"project.{some_project()}"


def gateways(bus: NatsBus, **statuses: str) -> list[JobPermits]:
    """Two of them, which are told how jobs are."""
    return [JobPermits(bus.jetstream, Replies(JobStates(statuses=statuses))) for _ in range(2)]


async def test_two_gateways_give_no_more_permits_than_there_are(bus: NatsBus, holder: str) -> None:
    both = gateways(bus)

    granted = await asyncio.gather(
        *(both[n % 2].acquire(holder, "in_flight", [new_job_id()], 10) for n in range(60))
    )

    assert sum(each is not None for each in granted) == 10


async def test_a_job_has_one_permit_at_every_gateway(bus: NatsBus, holder: str) -> None:
    one, other = gateways(bus)

    assert await one.acquire(holder, "queued", ["job_a"], 1) == ["job_a"]
    assert await other.acquire(holder, "queued", ["job_a"], 1) == []
    assert await other.acquire(holder, "queued", ["job_b"], 1) is None


async def test_a_second_try_that_is_refused_leaves_the_first_its_permit(
    bus: NatsBus, project: str
) -> None:
    rate = RequestRate(limit=1, window_seconds=86_400)
    own = ProjectQuotas(jobs_in_flight=1, user=Quotas(requests=rate))

    async def quotas_of(_: str) -> ProjectQuotas:
        return own

    [permits, _] = gateways(bus)
    rates = RateLimiter(RateCounters(bus.jetstream))
    quotas = QuotaAdmission(rates, permits, quotas_of, lambda _: None)
    alice, bob = (a_record(project=project, user=user) for user in ("alice", "bob"))
    await quotas.admit([alice])

    with pytest.raises(TooManyRequests):
        await quotas.admit([alice])
    with pytest.raises(TooManyJobs):
        await quotas.admit([bob])


async def test_a_permit_that_is_given_back_is_free(bus: NatsBus, holder: str) -> None:
    one, other = gateways(bus)
    assert await one.acquire(holder, "in_flight", ["job_a"], 1)

    await one.release(holder, "in_flight", ["job_a"])

    assert await other.acquire(holder, "in_flight", ["job_b"], 1)


async def test_the_permit_of_a_job_that_has_ended_is_free(bus: NatsBus, holder: str) -> None:
    one, other = gateways(bus, job_a="succeeded", job_b="running")
    assert await one.acquire(holder, "in_flight", ["job_a", "job_b"], 2)

    assert await other.acquire(holder, "in_flight", ["job_c"], 2)
    assert await other.acquire(holder, "in_flight", ["job_d"], 2) is None


async def test_an_entry_that_others_keep_changing_is_given_up_in_time(
    bus: NatsBus, holder: str
) -> None:
    """On one connection, so that there is a write of theirs between each read and write of ours."""
    permits = JobPermits(bus.jetstream, Replies(JobStates(statuses={})), decide_within=0.05)

    async def change_often() -> None:
        for _ in range(1_000):
            await bus.client.publish(f"$KV.quotas.{holder}.queued", b'{"holders": {}}')
            await asyncio.sleep(0)

    changing = asyncio.create_task(change_often())
    try:
        async with asyncio.timeout(TIMEOUT):
            with pytest.raises(Unavailable, match="in time"):
                await permits.acquire(holder, "queued", ["job_a"], 1)
    finally:
        changing.cancel()


async def test_no_more_jobs_wait_for_permits_than_a_gateway_has_room_for(
    bus: NatsBus, holder: str
) -> None:
    [permits, _] = gateways(bus)
    batches = [[f"job_{batch}_{n}" for n in range(500)] for batch in range(25)]

    results = await asyncio.gather(
        *(permits.acquire(holder, "queued", jobs, 1_000) for jobs in batches),
        return_exceptions=True,
    )

    assert [type(each) for each in results[20:]] == [Unavailable] * 5
    assert sum(isinstance(each, list) for each in results) == 2
    assert await permits.acquire(holder, "queued", batches[0], 1_000) == []


async def test_a_rate_counter_is_one_for_all_and_for_each_window(bus: NatsBus, holder: str) -> None:
    one, other = RateCounters(bus.jetstream), RateCounters(bus.jetstream)

    assert await one.add(holder, 1, 10) == 10
    assert await other.add(holder, 1, 3) == 13
    assert await other.add(holder, 2, 1) == 1


async def test_a_counter_that_refuses_is_unavailable(bus: NatsBus, holder: str) -> None:
    with pytest.raises(Unavailable):
        await RateCounters(bus.jetstream).add(holder, 1, cast(int, "many"))


async def test_a_gateway_alone_reads_an_entry_once(
    bus: NatsBus, holder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one, _] = gateways(bus)
    reads = 0
    read = KeyValue.read

    async def counted(bucket: KeyValue, key: str) -> KvEntry:
        nonlocal reads
        reads += 1
        return await read(bucket, key)

    monkeypatch.setattr(KeyValue, "read", counted)
    for number in range(5):
        assert await one.acquire(holder, "in_flight", [f"job_{number}"], 5)

    assert reads == 1
    assert await one.acquire(holder, "in_flight", ["job_5"], 5) is None
    assert reads == 2  # a refusal is decided by what was read


async def test_permits_that_another_gateway_gave_are_known_before_more_are_given(
    bus: NatsBus, holder: str
) -> None:
    one, other = gateways(bus)
    assert await one.acquire(holder, "in_flight", ["job_a"], 2)
    assert await other.acquire(holder, "in_flight", ["job_b"], 2)

    assert await one.acquire(holder, "in_flight", ["job_c"], 2) is None


async def test_a_request_that_one_quota_refuses_leaves_no_permit_of_the_others(
    bus: NatsBus, project: str
) -> None:
    own = ProjectQuotas(jobs_in_flight=2, jobs_queued=2, user=Quotas(jobs_in_flight=1))

    async def quotas_of(_: str) -> ProjectQuotas:
        return own

    [permits, _] = gateways(bus)
    quotas = QuotaAdmission(
        RateLimiter(RateCounters(bus.jetstream)), permits, quotas_of, lambda _: None
    )
    await quotas.admit([a_record(project=project, user="alice")])

    with pytest.raises(TooManyJobs, match="the user"):
        await quotas.admit([a_record(project=project, user="alice")])

    await quotas.admit([a_record(project=project, user="bob")])
