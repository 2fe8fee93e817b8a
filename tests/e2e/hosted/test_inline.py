"""All of Heliograph with providers that answer with their outputs: these are stored, and paid once."""

import json
from collections.abc import Callable

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.scenes import Story
from tests.support.emulation.emulator_process import EmulatedAccount

IMAGE_MODELS = {"gemini": "gemini/gemini-3.1-flash-image", "openai": "openai/gpt-image-2"}
TEXT_MODEL = "gemini/gemini-2.5-pro"


async def _content(url: str | None) -> httpx.Response:
    assert url
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(url)).raise_for_status()


@pytest.mark.parametrize(
    ("model", "kind", "media_type"),
    [
        (IMAGE_MODELS["gemini"], "portrait", "image/png"),
        (TEXT_MODEL, "scenes", "application/json"),
        (IMAGE_MODELS["openai"], "portrait", "image/png"),
    ],
)
async def test_a_job_ends_with_its_asset(
    client: Client, prompt: str, model: str, kind: str, media_type: str
) -> None:
    job = await client.submit(kind=kind, prompt=prompt, model=model)
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert [asset.media_type for asset in ended.assets] == [media_type]
    if kind == "scenes":
        assert len(json.loads((await _content(ended.assets[0].url)).content)["scenes"]) == 5


@pytest.mark.parametrize("outcome", ["ok", "fenced", "cut_off", "strange"])
async def test_a_story_is_kept_before_it_is_judged(
    client: Client, gemini: EmulatedAccount, prompt: str, outcome: str
) -> None:
    is_good = outcome in ("ok", "fenced")
    gemini.plan(prompt, outcome=outcome)

    job = await client.submit(kind="scenes", prompt=prompt, model=TEXT_MODEL, slot="story")
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.charged) == ("succeeded" if is_good else "failed", "yes")
    [asset] = ended.assets
    words = await _content(asset.url)
    if is_good:
        assert Story.model_validate_json(words.content).scenes
        assert ended.error is None
    else:
        assert words.headers["content-type"].startswith("text/plain")
        assert words.text.startswith("{")
        assert ended.error
        assert ended.error.next_actions[0].kind == "change_request"


@pytest.mark.parametrize("provider", IMAGE_MODELS)
async def test_an_output_that_storage_does_not_keep_was_paid_for_all_the_same(
    client: Client,
    gemini: EmulatedAccount,
    openai: EmulatedAccount,
    stored: Callable[[str], list[str]],
    prompt: str,
    provider: str,
) -> None:
    """It waits at storage, in case that it can be stored some day."""
    accounts = {"gemini": gemini, "openai": openai}
    accounts[provider].plan(prompt, outcome="wrong_type")

    job = await client.submit(kind="image", prompt=prompt, model=IMAGE_MODELS[provider])
    [ended] = await client.finish(job.id)

    assert ended.error
    assert (ended.error.code, ended.charged) == ("output_refused", "yes")
    assert stored(f"inline/{job.id}/")
