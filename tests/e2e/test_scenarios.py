"""What people do in the studio, in their own words, with everything running."""

import asyncio
from collections.abc import AsyncIterator
from itertools import accumulate
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.cloudevents import event_name
from heliograph.contracts.jobs import Job
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import Frame, Watcher, ends, watching

FAST = {"seconds": 0.2}
CAST_CAP = 4  #: of the lane `cast`, as shipped: two pairs


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as http:
        yield http


async def ask(client: Client, slot: str, **fields: Any) -> Job:
    body = {"kind": "portrait", "prompt": f"a picture for {slot}", "parameters": FAST, **fields}
    return await client.submit(slot=slot, **body)


async def cards(http: httpx.AsyncClient, prefix: str = "") -> dict[str, dict[str, Any]]:
    """The slots, as a page draws them from one call."""
    page = (await http.get("/slots", params={"prefix": prefix})).json()
    return {each["slot"]: each for each in page["items"]}


async def create(http: httpx.AsyncClient, person: str) -> dict[str, str]:
    """CREATE: the pair of references of a person. The job of each slot."""
    prompts = {half: f"{person}, view {half}" for half in "ab"}
    body = {"operation": "create", "prompts": prompts}
    response = await http.put(f"/cast/{person}/refs", json=body)
    assert response.status_code == 202, response.text
    return {job["slot"]: job["id"] for job in response.json()["jobs"].values()}


async def log_of(http: httpx.AsyncClient, job: str) -> dict[str, int]:
    """Where the events of a job stand in the log of everything, by name."""
    response = await http.get(f"{http.base_url.copy_with(path=f'/v1/jobs/{job}/events')}")
    return {event_name(each["type"]): each["sequence"] for each in response.json()["items"]}


async def most_at_once(http: httpx.AsyncClient, jobs: list[str]) -> int:
    """How many of the jobs were under way together, by the log: begun, and not rendered."""
    steps = []
    for log in await asyncio.gather(*(log_of(http, job) for job in jobs)):
        steps += [(log["started"], 1), (log["rendered"], -1)]
    return max(accumulate(step for _, step in sorted(steps)))


def sent(stack: Stack, project: str) -> dict[str, str]:
    """What the provider drew for each job."""
    return {record.job: record.prompt for record in stack.ledger(project)}


async def test_generate_five_characters_and_navigate_away(
    stack: Stack, http: httpx.AsyncClient, project: str
) -> None:
    slots = [f"portrait/char-{number}" for number in range(5)]
    async with stack.client(project) as tab, watching(stack.live, project=project) as watcher:
        submissions = [ask(tab, slot, parameters={"seconds": 1}) for slot in slots]
        jobs = {job.slot: job.id for job in await asyncio.gather(*submissions)}
        await watcher.until(lambda frame: frame["op"] == "event")
        assert not any(ends(job)(frame) for job in jobs.values() for frame in watcher.frames)

    async with stack.client(project) as another:
        done = await another.finish(*jobs.values())

    assert [job.status for job in done] == ["succeeded"] * 5
    drawn = await cards(http, "portrait/")
    assert {slot: card["current"]["job"] for slot, card in drawn.items()} == jobs
    assert len(stack.ledger(project)) == 5


async def test_close_the_tab_and_reopen(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    """One call and one subscription miss nothing: jobs end before, between and after the two."""
    slots = [f"shot/{number}" for number in range(12)]
    submissions = [
        ask(client, slot, kind="shot", parameters={"seconds": number / 5})
        for number, slot in enumerate(slots)
    ]
    jobs = {job.id for job in await asyncio.gather(*submissions)}

    page = (await http.get("/slots")).json()
    done = {each["current"]["job"] for each in page["items"] if each["current"]}
    open_ = {each["active"]["id"]: each["active"] for each in page["items"] if each["active"]}
    [between, *_] = sorted(jobs - done, key=lambda job: job in open_, reverse=True)
    await client.finish(between)
    after = {"epoch": page["epoch"], "sequence": page["sequence"]}
    async with watching(stack.live, project=project, after=after) as watcher:
        subscribed = await watcher.next()
        await until_all_end(watcher, jobs - done)

    assert subscribed["recovered"] is True
    assert done | set(open_) <= jobs
    for job in jobs - done:
        seen = [frame["job"]["revision"] for frame in of(watcher, job)]
        first = open_[job]["revision"] + 1 if job in open_ else 1
        assert seen == list(range(first, first + len(seen)))
    assert all(frame["sequence"] > page["sequence"] for frame in watcher.events())
    assert not any(of(watcher, job) for job in done)
    drawn = await cards(http)
    known = done | {frame["job"]["id"] for frame in watcher.events() if frame["job"]["assets"]}
    assert {card["current"]["job"] for card in drawn.values()} == known == jobs


def of(watcher: Watcher, job: str) -> list[Frame]:
    return [frame for frame in watcher.events() if frame["job"]["id"] == job]


async def until_all_end(watcher: Watcher, jobs: set[str]) -> None:
    for job in sorted(jobs):
        if not any(ends(job)(frame) for frame in watcher.frames):
            await watcher.until(ends(job))


async def test_no_duplicates_on_double_click(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    clicks = [ask(client, "portrait/char-123", parameters={"seconds": 3}) for _ in range(4)]

    jobs = await asyncio.gather(*clicks)

    assert len({job.id for job in jobs}) == 1
    assert sum(not job.deduplicated for job in jobs) == 1
    await client.wait(jobs[0].id)
    slot = (await http.get("/slots/portrait/char-123")).json()
    assert [each["job"] for each in slot["versions"]] == [jobs[0].id]
    assert [record.job for record in stack.ledger(project)] == [jobs[0].id]


async def test_three_simultaneous_creates_land_on_the_right_cards(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    people = ["alice", "bob", "carol"]

    created = await asyncio.gather(*(create(http, person) for person in people))

    jobs = {slot: job for pair in created for slot, job in pair.items()}
    assert all(job.status == "succeeded" for job in await client.finish(*jobs.values()))
    drawn = await cards(http, "cast/")
    assert {slot: card["current"]["job"] for slot, card in drawn.items()} == jobs
    assert {slot: sent(stack, project)[job] for slot, job in jobs.items()} == {
        f"cast/{person}/ref_{half}": f"{person}, view {half}" for person in people for half in "ab"
    }
    pictures = {card["current"]["assets"][0]["sha256"] for card in drawn.values()}
    assert len(pictures) == 6


async def test_a_single_ref_rerender_with_edit_prompt_updates_one_card(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    await client.finish(*(await create(http, "alice")).values())
    before = await cards(http)
    a, b = "cast/alice/ref_a", "cast/alice/ref_b"

    async with watching(stack.live, project=project) as watcher:
        await watcher.until(lambda frame: frame["op"] == "snapshot")
        body = {"operation": "rerender_a", "prompt": "alice", "edit_prompt": "ten years older"}
        again = (await http.put("/cast/alice/refs", json=body)).json()["jobs"]
        await watcher.until(ends(again["a"]["id"]))

    after = await cards(http)
    assert set(again) == {"a"}
    assert {frame["job"]["slot"] for frame in watcher.events()} == {a}
    assert after[b] == before[b] | {"current": after[b]["current"]}
    assert after[b]["current"]["job"] == before[b]["current"]["job"]
    assert after[a]["current"]["version"] == 2
    assert after[a]["current"]["job"] == again["a"]["id"]
    [record] = [each for each in stack.ledger(project) if each.job == again["a"]["id"]]
    assert "ten years older" in record.prompt
    assert record.references == [f"sha256:{before[a]['current']['assets'][0]['sha256']}"]


async def test_an_a_b_pair_renders_in_parallel(client: Client, http: httpx.AsyncClient) -> None:
    pair = await create(http, "alice")
    await client.finish(*pair.values())

    one, other = [await log_of(http, job) for job in pair.values()]

    assert max(one["submitted"], other["submitted"]) < min(one["rendered"], other["rendered"])


async def test_ten_casts_created_at_once(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    people = [f"person-{number}" for number in range(10)]

    created = await asyncio.gather(*(create(http, person) for person in people))

    jobs = {slot: job for pair in created for slot, job in pair.items()}
    assert len(set(jobs.values())) == 20
    assert all(job.status == "succeeded" for job in await client.finish(*jobs.values()))
    assert await most_at_once(http, list(jobs.values())) == CAST_CAP
    drawn = await cards(http, "cast/")
    assert {slot: card["current"]["job"] for slot, card in drawn.items()} == jobs
    assert sent(stack, project) == {
        jobs[f"cast/{person}/ref_{half}"]: f"{person}, view {half}"
        for person in people
        for half in "ab"
    }
