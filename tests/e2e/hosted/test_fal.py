"""All of Heliograph with an emulated fal: offered with a key, made, stored, and paid once."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.stack import Stack, stack_running


@pytest.fixture(scope="module")
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture(scope="module")
def stack(fal: FalAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"HELIOGRAPH_FAL_BASE_URL": fal.url, "FAL_KEY": fal.key}
    with stack_running(tmp_path_factory.mktemp("fal") / "home", settings) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "model", "media_type"),
    [("portrait", "fal/flux-schnell", "image/png"), ("video", "fal/veo-3.1-silent", "video/mp4")],
)
async def test_a_job_for_fal_ends_with_its_asset(
    client: Client, fal: FalAccount, kind: str, model: str, media_type: str
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
    fal.plan(prompt, queued=0.1, seconds=0.3)

    job = await client.submit(kind=kind, prompt=prompt, model=model)
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert [asset.media_type for asset in ended.assets] == [media_type]
    assert len(fal.accepted(prompt)) == 1


async def test_a_job_with_a_reference_of_ours_brings_it_to_fal(
    client: Client, fal: FalAccount
) -> None:
    drawn = await client.submit(kind="portrait", prompt="a keeper", parameters={"seconds": 0})
    [drawn] = await client.finish(drawn.id)
    prompt = f"the same, older {uuid4().hex}"

    job = await client.submit(
        kind="portrait",
        prompt=prompt,
        model="fal/flux-kontext",
        references=[{"asset": drawn.assets[0].id}],
    )
    [ended] = await client.finish(job.id)

    [request] = fal.accepted(prompt)
    assert ended.status == "succeeded"
    assert request["body"]["image_url"].startswith(f"{fal.url}/cdn/")


async def test_of_more_pictures_than_were_asked_for_the_first_are_kept_and_the_job_says_so(
    client: Client, fal: FalAccount
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
    fal.plan(prompt, surplus=5)

    job = await client.submit(
        kind="portrait", prompt=prompt, model="fal/flux-schnell", parameters={"num_images": 2}
    )
    [ended] = await client.finish(job.id)

    assert (ended.status, len(ended.assets)) == ("succeeded", 2)
    assert ended.detail == "the first 2 of 7 outputs are kept"


async def test_more_references_than_the_model_takes_are_cut_and_the_job_says_so(
    client: Client, fal: FalAccount
) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
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


async def test_a_lost_reply_is_found_again_and_paid_once(client: Client, fal: FalAccount) -> None:
    prompt = f"a lighthouse {uuid4().hex}"
    fal.plan(prompt, loss="drop")

    job = await client.submit(kind="portrait", prompt=prompt, model="fal/flux-schnell")
    [ended] = await client.finish(job.id)

    assert ended.status == "succeeded"
    assert len(fal.accepted(prompt)) == 1


async def test_the_key_is_in_no_log(stack: Stack, fal: FalAccount) -> None:
    logs = (stack.home / "logs").glob("*.log")

    assert not [log.name for log in logs if fal.key in log.read_text()]


async def test_with_a_key_fal_is_offered(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        models = (await http.get(f"{stack.url('gateway')}/v1/models")).json()["items"]
        ready = (await http.get(f"{stack.url('render')}/readyz")).json()

    assert sum(model["provider"] == "fal" for model in models) >= 15
    assert "fal" not in ready["unusable_providers"]


async def test_without_a_key_fal_is_not_offered_and_everything_else_works(
    project: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("bare") / "home"
    with stack_running(home) as bare:
        gateway = bare.url("gateway")
        body = {"kind": "portrait", "prompt": "a keeper", "model": "fal/flux-schnell"}
        async with httpx.AsyncClient() as http:
            models = (await http.get(f"{gateway}/v1/models")).json()["items"]
            one = await http.get(f"{gateway}/v1/models/fal/flux-schnell")
            refused = await http.post(
                f"{gateway}/v1/projects/{project}/jobs",
                json=body,
                headers={"Idempotency-Key": uuid4().hex},
            )
            ready = [await http.get(f"{bare.url(name)}/readyz") for name in ("gateway", "render")]

    assert {model["provider"] for model in models} == {"sim"}
    assert (one.status_code, refused.status_code) == (404, 503)
    assert refused.json()["code"] == "model_unavailable"
    for each in ready:
        assert each.status_code == 200
        assert each.json()["unusable_providers"]["fal"] == "FAL_KEY is not set"


async def test_an_account_that_is_refused_is_left_alone_and_everybody_can_see_it(
    fal_server: FalServer, project: str, tmp_path: Path
) -> None:
    fal, prompt = fal_server.account(uuid4().hex), f"a lighthouse {uuid4().hex}"
    fal.plan(prompt, refusals=["401"])
    settings = {
        "HELIOGRAPH_FAL_BASE_URL": fal.url,
        "FAL_KEY": fal.key,
        "HELIOGRAPH_BREAKER_MIN": "15",
    }
    with stack_running(tmp_path / "home", settings) as stack:
        async with stack.client(project) as client, httpx.AsyncClient(timeout=20) as http:
            job = await client.submit(kind="portrait", prompt=prompt, model="fal/flux-schnell")

            reason = await _until(lambda: _blocked(http, stack))
            level = await _until(lambda: _level(http, stack))
            [ended] = await client.finish(job.id)

    assert reason.startswith("account fal is left alone: ")
    assert level == "2.0"
    assert (ended.status, len(fal.accepted(prompt)), fal.posts) == ("succeeded", 1, 2)


async def _blocked(http: httpx.AsyncClient, stack: Stack) -> str | None:
    answer = await http.get(f"{stack.url('gateway')}/v1/lanes")
    lanes = answer.json()["items"] if answer.is_success else []  # nobody dispatches yet
    return next((reason for lane in lanes for reason in lane["blocked"]), None)


async def _level(http: httpx.AsyncClient, stack: Stack) -> str | None:
    metrics = (await http.get(f"{stack.url('render')}/metrics")).text
    found = re.search(r'heliograph_account_breaker\{account="fal"\} (.+)', metrics)
    return found[1] if found and found[1] != "0.0" else None


async def _until(look: Callable[[], Awaitable[str | None]]) -> str:
    async with asyncio.timeout(90):
        while (found := await look()) is None:
            await asyncio.sleep(0.1)
    return found
