"""All of Heliograph with an emulated fal: made, stored, and paid once."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from heliograph.client import Client
from tests.support.fal.emulator_process import FalAccount
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


@pytest.mark.parametrize(
    ("kind", "model", "media_type"),
    [("portrait", "fal/flux-schnell", "image/png"), ("video", "fal/veo-3.1-silent", "video/mp4")],
)
async def test_a_job_for_fal_ends_with_its_asset(
    client: Client, fal: FalAccount, prompt: str, kind: str, model: str, media_type: str
) -> None:
    fal.plan(prompt, queued=0.1, seconds=0.3)

    job = await client.submit(kind=kind, prompt=prompt, model=model)
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert [asset.media_type for asset in ended.assets] == [media_type]
    assert len(fal.accepted(prompt)) == 1


async def test_a_stored_reference_is_uploaded_to_fal(
    client: Client, fal: FalAccount, prompt: str, drawn: dict[str, str]
) -> None:
    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="fal/flux-kontext",
        references=[drawn],
    )
    [ended] = await client.finish(job.id)

    [request] = fal.accepted(prompt)
    assert ended.status == "succeeded"
    assert request["body"]["image_url"].startswith(f"{fal.url}/cdn/")


async def test_of_more_pictures_than_requested_the_first_are_kept_and_the_job_says_so(
    client: Client, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, surplus=5)

    job = await client.submit(
        kind="portrait", prompt=prompt, model="fal/flux-schnell", parameters={"num_images": 2}
    )
    [ended] = await client.finish(job.id)

    assert (ended.status, len(ended.assets)) == ("succeeded", 2)
    assert ended.detail == "the first 2 of 7 outputs are kept"


async def test_more_references_than_the_model_takes_are_cut_and_the_job_says_so(
    client: Client, fal: FalAccount, prompt: str
) -> None:
    urls = [f"https://pictures.example/{number}.png" for number in range(3)]

    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="fal/nano-banana-edit",
        references=[{"url": url} for url in urls],
        max_references=2,
    )
    [ended] = await client.finish(job.id)

    [request] = fal.accepted(prompt)
    assert request["body"]["image_urls"] == urls[:2]
    assert (ended.status, ended.detail) == ("succeeded", "the first 2 of 3 references are used")


async def test_a_lost_reply_is_found_again_and_paid_once(
    client: Client, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, loss="drop")

    job = await client.submit(kind="portrait", prompt=prompt, model="fal/flux-schnell")
    [ended] = await client.finish(job.id)

    assert ended.status == "succeeded"
    assert len(fal.accepted(prompt)) == 1


async def test_a_refused_account_opens_its_breaker_and_shows_it(
    stack: Stack, client: Client, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, refusals=["401"])
    posts = fal.posts
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        job = await client.submit(kind="portrait", prompt=prompt, model="fal/flux-schnell")

        reason = await _until(lambda: _blocked(http, stack))
        level = await _until(lambda: _level(http, stack))
        [ended] = await client.finish(job.id)

    assert reason.startswith("circuit breaker of account fal is open: ")
    assert level == "2.0"
    assert (ended.status, len(fal.accepted(prompt)), fal.posts - posts) == ("succeeded", 1, 2)


async def _blocked(http: httpx.AsyncClient, stack: Stack) -> str | None:
    response = await http.get(f"{stack.url('gateway')}/v1/lanes")
    lanes = response.json()["items"] if response.is_success else []  # nobody dispatches yet
    return next((reason for lane in lanes for reason in lane["blocked"]), None)


async def _level(http: httpx.AsyncClient, stack: Stack) -> str | None:
    """Of the breaker, where it is not closed; of either process."""
    for number in (1, 2):
        metrics = (await http.get(f"{stack.url('render', number)}/metrics")).text
        match = re.search(r'heliograph_account_breaker\{account="fal"\} (.+)', metrics)
        if match and match[1] != "0.0":
            return match[1]
    return None


async def _until(look: Callable[[], Awaitable[str | None]]) -> str:
    async with asyncio.timeout(TIMEOUT):
        while (level := await look()) is None:
            await asyncio.sleep(0.1)
    return level
