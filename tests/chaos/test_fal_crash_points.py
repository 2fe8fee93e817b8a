"""`kill -9` of render at every step of a job that a hosted provider makes: it is paid once."""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.runtime.crash_points import POINTS, VARIABLE, Point
from tests.chaos.crash_scenarios import FINAL, Scenario, ScenarioClient
from tests.chaos.journal import Journal, SentRequest
from tests.support.emulation.files import picture
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

ROUNDS = int(os.environ.get("CRASH_ROUNDS") or 1)  #: deaths at each point
_AT_ONCE = 4  #: scenarios that run together
_RENDER = ("dispatch.", "start.", "bring.", "submit.", "reconcile.", "follow.", "leave.", "render.")
RENDER_POINTS = [point for point in POINTS if point.startswith(_RENDER)]

#: what is planned for the request that leads past a point; whatever is not named goes well
PLANS: dict[Point, dict[str, Any]] = {
    "reconcile.found": {"loss": "drop", "seconds": 0.2},
    "reconcile.waited": {"loss": "drop", "is_listed": False},
    "reconcile.written": {"loss": "nginx_502", "seconds": 0.2},
    "follow.stopped": {"hangs": True},
    "leave.queued": {"refusals": ["504_user"]},
}


@dataclass
class RenderScenarios:
    """The scenarios, and their jobs by the prompt that their requests are known by."""

    fal: FalAccount
    jobs: dict[str, str] = field(default_factory=dict)

    def scenario(self, point: Point) -> Scenario:
        async def run(client: ScenarioClient) -> None:
            prompt = f"{point} {uuid4().hex}"
            self.fal.plan(prompt, **PLANS.get(point, {"seconds": 0.2}))
            body: dict[str, Any] = {"kind": "portrait", "prompt": prompt}
            body["model"] = "fal/flux-schnell"
            if point.startswith("bring."):
                reference = {"upload": await _uploaded(client)}
                body |= {"model": "fal/flux-kontext", "references": [reference]}
            job = await client.ask(SentRequest(client.project, uuid4().hex, body))
            self.jobs[prompt] = job
            if point == "follow.stopped":
                await client.until(job, "rendering", *FINAL)
                await client.cancel(job)
            await client.until(job, "submit_unknown", *FINAL)

        return run


async def _uploaded(client: ScenarioClient) -> str:
    """An upload that no provider has a copy of."""
    content = picture(uuid4().hex)
    digest = hashlib.sha256(content).hexdigest()
    url = f"/v1/projects/{client.project}/uploads/sha256/{digest}"
    async with httpx.AsyncClient(base_url=client.stack.url("storage"), timeout=TIMEOUT) as http:
        (await http.put(url, content=content)).raise_for_status()
    return f"sha256:{digest}"


@pytest.fixture
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture
def crashes(tmp_path: Path) -> Path:
    folder = tmp_path / "crashes"
    folder.mkdir()
    return folder


@pytest.fixture
def stack(fal: FalAccount, crashes: Path, tmp_path: Path) -> Iterator[Stack]:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("fal: {provider: fal, cap: 12}\n")
    settings = {
        "HELIOGRAPH_FAL_BASE_URL": fal.url,
        "FAL_KEY": fal.key,
        "HELIOGRAPH_ACCOUNTS": str(accounts),
        "HELIOGRAPH_RENDERS": "2",
        "HELIOGRAPH_RESTART_PAUSE": "0.2",
        # a look-up that fal has no response to must fit between two deaths
        "HELIOGRAPH_SUBMIT_LIMIT": "3",
        "HELIOGRAPH_REFERENCE_UPLOAD_LEASE": "5",
        VARIABLE: str(crashes),
    }
    with stack_running(tmp_path / "home", settings, preloaded=True) as stack:
        yield stack


@pytest.mark.timeout(900 + 300 * ROUNDS)
async def test_a_death_of_render_at_any_point_pays_nothing_twice(
    stack: Stack, fal: FalAccount, crashes: Path
) -> None:
    scenarios, running = RenderScenarios(fal), asyncio.Semaphore(_AT_ONCE)

    async def reach(point: Point) -> None:
        async with running:
            await ScenarioClient(stack, Journal(), crashes).run_scenario(
                point, scenarios.scenario(point)
            )

    for _ in range(ROUNDS):
        async with asyncio.TaskGroup() as group:
            for point in RENDER_POINTS:
                group.create_task(reach(point))

    ends = Counter[str]()
    for prompt, job in scenarios.jobs.items():
        async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
            record = (await http.get(f"/v1/jobs/{job}")).json()
            attempts = (await http.get(f"/v1/jobs/{job}/attempts")).json()["items"]
        end = record["phase"] if record["status"] == "running" else record["status"]
        ends[end] += 1
        assert end in ("submit_unknown", *FINAL), prompt
        accepted = fal.accepted(prompt)
        by_attempt = Counter(request["body"]["seed"] for request in accepted)
        assert all(count == 1 for count in by_attempt.values()), prompt
        assert len(accepted) <= len(attempts), prompt
        if record["status"] == "succeeded":
            assert len(accepted) == 1, prompt
    print(f"{len(RENDER_POINTS) * ROUNDS} deaths, {len(scenarios.jobs)} jobs: {dict(ends)}")  # noqa: T201
    assert len(scenarios.jobs) >= len(RENDER_POINTS) * ROUNDS
