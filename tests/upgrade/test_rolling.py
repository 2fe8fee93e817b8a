"""A rolling upgrade from release 0.1.0, and a roll-back to it: nothing is lost, and nothing paid twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from heliograph.contracts.sim import read_ledger
from tests.support.records import some_project
from tests.support.timeouts import TIMEOUT
from tests.upgrade.releases import BESIDE, SERVICES, TODAY, Deployment, Place, Release


class Callers:
    """People who ask for all kinds of things, whichever releases answer."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._home = deployment.home
        self.project = some_project()
        self.expected: dict[str, str] = {}  #: job -> how it ends
        self.paid: set[str] = set()

    async def ask(self) -> None:
        """At each gateway, for one of each."""
        for number in range(BESIDE):
            async with Client(
                self._deployment.url("gateway", number), project=self.project
            ) as client:
                await self._ask(client)

    async def _ask(self, client: Client) -> None:
        quick = await self._submit(client, seconds=0, price="0.01", slot=f"s/{len(self.expected)}")
        slow = await self._submit(client, seconds=2, price="0.02")
        await self._submit(client, seconds=0, after=[quick.id, slow.id])
        late = datetime.now(UTC) + timedelta(seconds=3)
        await self._submit(client, "expired", seconds=60, finish_by=late.isoformat())
        gone = await self._submit(client, "canceled", seconds=60)
        await client.cancel(gone.id)
        self.paid |= {quick.id, slow.id}

    async def _submit(
        self, client: Client, end: str = "succeeded", *, seconds: float, **fields: Any
    ) -> Job:
        parameters = {"seconds": seconds}
        if price := fields.pop("price", None):
            parameters["price"] = price
        job = await client.submit(
            kind="image", prompt="a lighthouse", parameters=parameters, **fields
        )
        self.expected[job.id] = end
        return job

    async def listed(self) -> dict[str, str]:
        async with Client(self._deployment.url("gateway", 0), project=self.project) as client:
            return {job.id: job.status async for job in client.jobs()}

    async def check(self) -> None:
        """Everything ended as it has to, the read model knows it, and nothing was paid twice."""
        end = asyncio.get_running_loop().time() + TIMEOUT
        while (listed := await self.listed()) != self.expected:
            if asyncio.get_running_loop().time() > end:
                wrong = {
                    j: (s, listed.get(j)) for j, s in self.expected.items() if s != listed.get(j)
                }
                raise AssertionError(f"expected and found: {wrong}")
            await asyncio.sleep(0.3)
        accepted = [record.job for record in read_ledger(self._home) if record.job in self.paid]
        assert sorted(accepted) == sorted(self.paid)


@pytest.mark.parametrize("direction", ["upgrade", "roll-back"])
async def test_processes_of_two_releases_work_beside_each_other(
    deployment: Deployment, baseline: Release, direction: str
) -> None:
    is_upgrade = direction == "upgrade"
    before, after = (baseline, TODAY) if is_upgrade else (TODAY, baseline)
    others = [service for service in SERVICES if service != "storage"]
    order = ["storage", *others] if is_upgrade else [*others, "storage"]
    for place in deployment.places:
        deployment.start(place, before)
    deployment.until_ready(*deployment.places)
    callers = Callers(deployment)
    await callers.ask()

    for service in order:  # one process of each first: then all four are mixed
        await asyncio.to_thread(deployment.replace, Place(service, 0), after)
        await callers.ask()
    await callers.check()
    for service in order:
        await asyncio.to_thread(deployment.replace, Place(service, 1), after)
    await callers.ask()

    await callers.check()
    assert {deployment.code_of(place) for place in deployment.places} == {after.root.resolve()}
    assert await _warnings(deployment) == []


async def _warnings(deployment: Deployment) -> list[Any]:
    """What any process could not read."""
    async with httpx.AsyncClient(trust_env=False) as http:
        responses = [await http.get(f"{deployment.url(s, 0)}/readyz") for s in SERVICES]
    return [warning for response in responses for warning in response.json()["warnings"]]
