"""A catalog that changes while everything runs: no restart, and nothing is lost by a mistake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

POSTER = """
poster: {lane: portraits, media: image, model: sim/picture, expected_seconds: 3, timeout_seconds: 9}
"""
_READERS = ("gateway", "render", "storage")
_AGAIN = "Catalog reloaded"
_WRONG = "Catalog rejected; the previous one stays in use"


class File:
    """What an operator changes of the catalog."""

    def __init__(self, stack: Stack, section: str) -> None:
        self.path = Path(stack.environment[f"HELIOGRAPH_{section.upper()}"])

    def write(self, text: str) -> None:
        self.path.write_text(text)


async def _items(stack: Stack, what: str) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        response = await http.get(f"{stack.url('gateway')}/v1/{what}")
    return {item["name"]: item for item in response.json()["items"]}


def _logged(stack: Stack, name: str, event: str) -> list[dict[str, Any]]:
    return [line for line in stack.logs(name) if line["event"] == event]


async def _until_logged(stack: Stack, name: str, event: str, *, after: int) -> dict[str, Any]:
    """The first such line after so many."""
    async with asyncio.timeout(TIMEOUT):
        while len(lines := _logged(stack, name, event)) <= after:
            await asyncio.sleep(0.1)
    return lines[after]


@asynccontextmanager
async def _read_again(stack: Stack) -> AsyncIterator[None]:
    """Until all that use the catalog have read what the block changed."""
    before = {name: len(_logged(stack, name, _AGAIN)) for name in _READERS}
    yield
    for name in _READERS:
        await _until_logged(stack, name, _AGAIN, after=before[name])


async def test_a_kind_that_is_added_can_be_made_without_a_restart(
    breakable: Stack, project: str
) -> None:
    kinds = File(breakable, "kinds")
    assert "poster" not in await _items(breakable, "kinds")
    pids = [breakable.pid(name) for name in breakable.processes]

    async with _read_again(breakable):
        kinds.write(POSTER)
    async with breakable.client(project) as client:
        job = await client.submit(kind="poster", prompt="x", parameters={"seconds": 0})
        [ended] = await client.finish(job.id)

        before = len(_logged(breakable, "gateway", _WRONG))
        kinds.write(POSTER.replace("portraits", "nowhere"))
        wrong = await _until_logged(breakable, "gateway", _WRONG, after=before)
        again = await client.submit(kind="poster", prompt="y", parameters={"seconds": 0})
        [ended_again] = await client.finish(again.id)
    async with _read_again(breakable):
        kinds.write("{}\n")

    assert (ended.status, ended_again.status) == ("succeeded", "succeeded")
    assert f"{kinds.path}:2: kinds.poster.lane: there is no lane 'nowhere'" in wrong["reason"]
    assert [breakable.pid(name) for name in breakable.processes] == pids


async def test_a_cap_that_changes_in_the_file_holds_at_once(breakable: Stack) -> None:
    File(breakable, "lanes").write("shots: {cap: 7}\n")

    async with asyncio.timeout(TIMEOUT):
        while (await _items(breakable, "lanes"))["shots"]["cap"] != 7:
            await asyncio.sleep(0.1)
