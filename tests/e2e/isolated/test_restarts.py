"""Jobs that wait for others are remembered while everything is killed."""

import httpx

from heliograph.client import Client
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.jobs import Job
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def _submit(client: Client, *after: Job, seconds: float = 0, fault: str | None = None) -> Job:
    parameters = {"seconds": seconds, **({"fault": fault} if fault else {})}
    jobs = [job.id for job in after]
    return await client.submit(kind="shot", prompt="a keeper", parameters=parameters, after=jobs)


async def _at(client: Client, job: Job, name: str) -> str:
    """When something happened to a job."""
    async with httpx.AsyncClient(base_url=client.url, timeout=TIMEOUT) as http:
        events = (await http.get(f"/v1/jobs/{job.id}/events")).json()["items"]
    [moment] = [event["at"] for event in events if event["type"] == event_type(name)]
    return str(moment)


async def test_a_waiting_job_survives_restarts(breakable: Stack, project: str) -> None:
    async with breakable.client(project) as client:
        good = await _submit(client, seconds=3)
        bad = await _submit(client, seconds=3, fault="policy")
        happy = [await _submit(client, good) for _ in range(3)]
        sad = await _submit(client, good, bad)

        breakable.restart("render", "gateway", "status", "storage", "nats")
        ended = await client.finish(*(job.id for job in (*happy, sad)))

        assert [job.status for job in ended] == ["succeeded"] * 3 + ["failed"]
        assert ended[-1].error
        assert ended[-1].error.code == "dependency_failed"
        started = [await _at(client, job, "started") for job in happy]
        assert min(started) > await _at(client, good, "succeeded")
