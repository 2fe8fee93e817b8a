"""References of ours at fal, with all of Heliograph in two render processes: one copy for all jobs."""

import asyncio
from collections import Counter
from uuid import uuid4

import httpx

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.stack import Stack

MODEL = "fal/nano-banana-edit"
JOBS, REFERENCES = 50, 3


async def _drawn(client: Client, count: int) -> list[dict[str, str]]:
    """References to pictures that were never seen before."""
    submitted = [
        await client.submit(
            kind="portrait", prompt=uuid4().hex, parameters={"seconds": 0}, slot=f"drawn/{number}"
        )
        for number in range(count)
    ]
    jobs = await client.finish(*(job.id for job in submitted))
    return [{"asset": job.assets[0].id} for job in jobs]


async def _ask(client: Client, prompt: str, references: list[dict[str, str]]) -> Job:
    return await client.submit(
        kind="portrait", prompt=prompt, model=MODEL, references=references, slot=f"x/{uuid4().hex}"
    )


async def _figures(stack: Stack) -> Counter[str]:
    """What both processes say of their copies, added up."""
    figures = Counter[str]()
    async with httpx.AsyncClient() as http:
        for number in (1, 2):
            text = (await http.get(f"{stack.url('render', number)}/metrics")).text
            for line in text.splitlines():
                if line.startswith("heliograph_reference_copies"):
                    name, value = line.split()[0].split("{")[0], float(line.split()[-1])
                    figures[name] += int(value)
    return figures


async def test_fifty_jobs_with_the_same_three_references_upload_three(
    stack: Stack, client: Client, fal: FalAccount, prompt: str
) -> None:
    references = await _drawn(client, REFERENCES)
    uploads, figures, handled = len(fal.uploads), await _figures(stack), _handled(stack)

    jobs = await asyncio.gather(*(_ask(client, prompt, references) for _ in range(JOBS)))
    ended = await client.finish(*(job.id for job in jobs))

    assert {job.status for job in ended} == {"succeeded"}
    assert len(fal.uploads) - uploads == REFERENCES
    accepted = fal.accepted(prompt)
    assert len(accepted) == JOBS
    [urls] = {tuple(request["body"]["image_urls"]) for request in accepted}
    assert len(set(urls)) == REFERENCES
    assert all(url.startswith(f"{fal.url}/cdn/") for url in urls)
    figures = await _figures(stack) - figures
    assert figures["heliograph_reference_copies_misses_total"] == REFERENCES
    assert figures["heliograph_reference_copies_hits_total"] == (JOBS - 1) * REFERENCES
    assert (await _figures(stack))["heliograph_reference_copies_max"] == 2 * 10_000
    assert (_handled(stack) - handled).keys() == {"render", "render-2"}, "both had some of them"


def _handled(stack: Stack) -> Counter[str]:
    """Messages that each render process handled."""
    return Counter(
        name
        for name in ("render", "render-2")
        for line in stack.logs(name)
        if line["event"] == "Message handled"
    )


async def test_the_attempt_says_what_was_sent(
    stack: Stack, client: Client, fal: FalAccount
) -> None:
    """By what the record says alone, the request could be told again."""
    references, prompt = await _drawn(client, 1), uuid4().hex

    job = await _ask(client, prompt, references)
    await client.finish(job.id)

    async with httpx.AsyncClient() as http:
        attempts = await http.get(f"{stack.url('gateway')}/v1/jobs/{job.id}/attempts")
    [attempt] = attempts.json()["items"]
    [request] = fal.accepted(prompt)
    assert [each["url"] for each in attempt["references"]] == request["body"]["image_urls"]


async def test_a_reference_that_fal_lost_is_uploaded_again_and_the_job_succeeds(
    client: Client, fal: FalAccount, fal_server: FalServer
) -> None:
    """fal says so for nothing, so another attempt is no second payment."""
    references = await _drawn(client, 1)
    first = await _ask(client, uuid4().hex, references)
    await client.finish(first.id)
    brought, prompt = len(fal.uploads), uuid4().hex

    fal_server.forget_files()
    job = await _ask(client, prompt, references)
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.attempt) == ("succeeded", 2)
    assert len(fal.uploads) == brought + 1
    assert len(fal.accepted(prompt)) == 2


async def test_our_network_is_not_read_for_callers(client: Client, stack: Stack) -> None:
    job = await _ask(client, uuid4().hex, [{"url": f"{stack.url('storage')}/healthz"}])
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("failed", "no")
    assert ended.error
    assert ended.error.code == "reference_failed"
