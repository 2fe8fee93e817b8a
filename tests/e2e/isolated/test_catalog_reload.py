"""A catalog that changes while everything runs: no restart, and nothing is lost by a mistake."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.support.stack import Stack, stack_running

POSTER = """
poster: {lane: portraits, media: image, model: sim/picture, expected_seconds: 3, timeout_seconds: 9}
"""
TIMEOUT = 60.0  #: seconds


async def _items(stack: Stack, what: str) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=20) as http:
        answer = await http.get(f"{stack.url('gateway')}/v1/{what}")
    return {item["name"]: item for item in answer.json()["items"]}


async def _until_logged(stack: Stack, name: str, event: str) -> dict[str, Any]:
    async with asyncio.timeout(TIMEOUT):
        while not (found := [line for line in stack.logs(name) if line["event"] == event]):
            await asyncio.sleep(0.1)
    return found[-1]


async def test_a_kind_that_is_added_can_be_made_without_a_restart(
    tmp_path: Path, project: str
) -> None:
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text("{}\n")
    with stack_running(tmp_path / "home", {"HELIOGRAPH_KINDS": str(kinds)}) as stack:
        assert "poster" not in await _items(stack, "kinds")
        pids = [stack.pid(name) for name in stack.processes]

        kinds.write_text(POSTER)
        for name in ("gateway", "render", "storage"):
            await _until_logged(stack, name, "Catalog reloaded")
        async with stack.client(project) as client:
            job = await client.submit(kind="poster", prompt="x", parameters={"seconds": 0})
            [ended] = await client.finish(job.id)

            kinds.write_text(POSTER.replace("portraits", "nowhere"))
            wrong = await _until_logged(
                stack, "gateway", "Catalog rejected; the previous one stays in use"
            )
            again = await client.submit(kind="poster", prompt="y", parameters={"seconds": 0})
            [ended_again] = await client.finish(again.id)

        assert (ended.status, ended_again.status) == ("succeeded", "succeeded")
        assert f"{kinds}:2: kinds.poster.lane: there is no lane 'nowhere'" in wrong["reason"]
        assert [stack.pid(name) for name in stack.processes] == pids


async def test_a_cap_that_changes_in_the_file_holds_at_once(tmp_path: Path) -> None:
    lanes = tmp_path / "lanes.yaml"
    lanes.write_text("shots: {cap: 3}\n")
    with stack_running(tmp_path / "home", {"HELIOGRAPH_LANES": str(lanes)}) as stack:
        lanes.write_text("shots: {cap: 7}\n")
        async with asyncio.timeout(TIMEOUT):
            while (await _items(stack, "lanes"))["shots"]["cap"] != 7:
                await asyncio.sleep(0.1)
