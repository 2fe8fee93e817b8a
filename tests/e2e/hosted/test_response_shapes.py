"""Whole jobs whose providers answer in shapes of the field: what was paid for is kept, or says why not."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from tests.support.emulation.emulator_process import EmulatedAccount
from tests.support.emulation.responses import picture_of
from tests.support.fal.emulator_process import FalAccount
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAL, REPLICATE, OPENAI = "fal/flux-schnell", "replicate/flux-schnell", "openai/gpt-image-2"
FLAGGED = {"b64_json": "<base64 2>", "respect_moderation": False}


Account = EmulatedAccount | FalAccount


@pytest.fixture
def accounts(
    fal: FalAccount, replicate: EmulatedAccount, openai: EmulatedAccount
) -> dict[str, Account]:
    return {FAL: fal, REPLICATE: replicate, OPENAI: openai}


@pytest.fixture
async def storage(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=TIMEOUT) as http:
        yield http


class Maker:
    """Has jobs made whose provider answers as a test says."""

    def __init__(self, client: Client, accounts: dict[str, Account]) -> None:
        self._client, self._accounts = client, accounts

    async def make(self, model: str, body: Any, *, count: int = 1) -> Job:
        prompt = f"a lighthouse {uuid4().hex}"
        plan_fields = {"output": body} if model == REPLICATE else {"response_body": body}
        self._accounts[model].plan(prompt, **plan_fields)
        job = await self._client.submit(
            kind="image",
            prompt=prompt,
            model=model,
            parameters={"num_images": count},
            key=uuid4().hex,
        )
        [ended] = await self._client.finish(job.id)
        assert len(self._accounts[model].accepted(prompt)) == 1
        return ended


@pytest.fixture
def maker(client: Client, accounts: dict[str, Account]) -> Maker:
    return Maker(client, accounts)


def withheld(job: Job) -> list[tuple[int, str]]:
    return [(each.index, each.reason) for each in job.withheld]


# -- judged one by one


@pytest.mark.parametrize(
    ("model", "body", "missing"),
    [
        (OPENAI, {"data": [{"b64_json": "<base64 0>"}, {"b64_json": None, "url": None}]}, 1),
        (OPENAI, {"data": [{"b64_json": ""}, {"b64_json": "<base64 0>"}]}, 0),
        (OPENAI, {"data": [None, {"url": "<url 0>"}]}, 0),
        (REPLICATE, ["<url 0>", None], 1),
        (REPLICATE, ["", "<url 0>"], 0),
        (FAL, {"images": [{"url": "<url 0>"}, {"url": None}]}, 1),
        (FAL, {"result": {"images": [{"url": "<url 0>"}, {"url": None}]}}, 1),
        (FAL, {"images": [None, "<data 0>"]}, 0),
    ],
    ids=str,
)
async def test_an_empty_entry_among_good_outputs_is_reported_and_the_others_are_stored(
    maker: Maker, model: str, body: Any, missing: int
) -> None:
    job = await maker.make(model, body, count=2)

    assert (job.status, job.charged) == ("succeeded", "yes")
    assert [asset.index for asset in job.assets] == [1 - missing]
    assert job.assets[0].id.endswith(f"_{1 - missing}")
    assert withheld(job) == [(missing, "no_output")]
    assert job.detail == "1 of 2 outputs withheld: no_output"


@pytest.mark.parametrize(
    ("model", "body", "code"),
    [
        (OPENAI, {"data": [{"b64_json": ""}, {"b64_json": None}]}, "no_output"),
        (OPENAI, {"data": [{"b64_json": "", "respect_moderation": False}]}, "content_policy"),
        (REPLICATE, [None, None], "no_output"),
        (REPLICATE, {"images": [None], "nsfw": True}, "content_policy"),
        (FAL, {"images": [{"url": ""}]}, "no_output"),
        (FAL, {"images": [None], "has_nsfw_concepts": [True]}, "content_policy"),
    ],
    ids=str,
)
async def test_where_nothing_is_there_the_job_fails_with_the_reason(
    maker: Maker, model: str, body: Any, code: str
) -> None:
    job = await maker.make(model, body)

    assert job.error
    assert (job.status, job.error.code, job.charged) == ("failed", code, "yes")
    assert job.error.next_actions


# -- values, bytes and places


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (OPENAI, {"data": [{"b64_json": "", "url": "<url 0>"}]}),
        (OPENAI, {"data": [{"url": "<path 0>"}]}),
        (OPENAI, {"images": [{"image": {"url": "<url 0>"}}]}),
        (OPENAI, {"data": {"url": "<url 0>"}}),
        (OPENAI, [{"b64_json": "<base64 0>"}]),
        (FAL, {"images": None, "image": {"url": "<url 0>"}}),
        (FAL, {"images": ["<url 0>"]}),
        (FAL, ["<url 0>"]),
        (FAL, {"output": {"files": [{"url": "<url 0>", "content_type": "image/png"}]}}),
        (REPLICATE, {"image": "<url 0>", "seed": 77, "nsfw": False, "caption": "a keeper"}),
        (REPLICATE, {"images": ["<url 0>"], "seed": 77}),
        (REPLICATE, [["<url 0>"]]),
    ],
    ids=str,
)
async def test_an_output_is_found_in_any_shape(maker: Maker, model: str, body: Any) -> None:
    job = await maker.make(model, body)

    assert job.error is None
    assert [asset.media_type for asset in job.assets] == ["image/png"]
    assert job.withheld == []


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (OPENAI, {"data": [{"url": "<data 0>"}]}),
        (OPENAI, {"data": [{"b64_json": "<data 0>"}]}),
        (OPENAI, {"data": [{"b64_json": "<lines 0>"}]}),
        (OPENAI, {"data": [{"b64_json": "<urlsafe 0>"}]}),
        (FAL, {"images": [{"url": "<data 0>", "content_type": "image/png"}]}),
        (FAL, {"image": "<base64 0>"}),
        (REPLICATE, ["<data 0>"]),
        (REPLICATE, "<base64 0>"),
    ],
    ids=str,
)
async def test_bytes_inside_an_answer_are_the_output(
    maker: Maker, client: Client, model: str, body: Any
) -> None:
    job = await maker.make(model, body)

    assert job.error is None
    [asset] = job.assets
    async with httpx.AsyncClient() as http:
        assert asset.url
        assert (await http.get(asset.url)).content == picture_of("0")


# -- verdicts inside good responses


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (OPENAI, {"data": [{"b64_json": "<base64 0>"}, {"b64_json": "<base64 1>"}, FLAGGED]}),
        (FAL, {"images": ["<url 0>", "<url 1>", "<url 2>"], "has_nsfw_concepts": [0, 0, True]}),
        (
            FAL,
            {"images": ["<data 0>", "<data 1>", "<data 2>"], "has_nsfw_concepts": [0, False, True]},
        ),
        (REPLICATE, {"images": ["<url 0>", "<url 1>", "<url 2>"], "nsfw": [False, False, True]}),
        (
            REPLICATE,
            {"result": {"images": ["<url 0>", "<url 1>", "<url 2>"], "nsfw": [0, False, True]}},
        ),
    ],
    ids=str,
)
async def test_flagged_outputs_are_stored_and_shown_only_on_request(
    maker: Maker, client: Client, storage: httpx.AsyncClient, model: str, body: Any
) -> None:
    job = await maker.make(model, body, count=3)

    assert job.status == "succeeded"
    assert [asset.index for asset in job.assets] == [0, 1]
    assert withheld(job) == [(2, "content_policy")]
    assert job.detail == "1 of 3 outputs withheld: content_policy"
    asset = job.withheld[0].asset
    assert asset
    assert asset.url is None
    assert all(variant.url is None for variant in asset.variants.values())
    refusal = await storage.get(f"/v1/assets/{asset.id}")
    assert (refusal.status_code, refusal.json()["code"]) == (403, "output_withheld")
    assert (await storage.get(f"/v1/assets/{asset.id}/content")).status_code == 403
    shown = (await storage.get(f"/v1/assets/{asset.id}", params={"withheld": "true"})).json()
    way = await storage.get(f"/v1/assets/{asset.id}/content", params={"withheld": "true"})
    async with httpx.AsyncClient() as http:
        content = (await http.get(shown["url"])).content
        assert (await http.get(way.headers["location"])).content == content
    assert len(content) == asset.bytes


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (FAL, {"images": [{"url": "<url 0>"}], "has_nsfw_concepts": [True]}),
        (OPENAI, {"data": [FLAGGED]}),
        (REPLICATE, {"image": "<url 0>", "nsfw": True}),
    ],
    ids=str,
)
async def test_where_everything_is_flagged_the_job_fails_paid_with_what_is_stored(
    maker: Maker, storage: httpx.AsyncClient, model: str, body: Any
) -> None:
    job = await maker.make(model, body)

    assert job.error
    assert (job.status, job.error.code, job.charged) == ("failed", "content_policy", "yes")
    assert [action.kind for action in job.error.next_actions] == ["change_request"]
    assert job.assets == []
    [one] = job.withheld
    assert one.asset
    response = await storage.get(f"/v1/assets/{one.asset.id}", params={"withheld": "true"})
    assert response.status_code == 200


async def test_a_good_output_is_taken_before_one_that_is_flagged(maker: Maker) -> None:
    """One was asked for, and the provider made two."""
    body = {"images": ["<url 0>", "<url 1>"], "has_nsfw_concepts": [True, False]}

    job = await maker.make(FAL, body)

    assert [asset.index for asset in job.assets] == [1]
    assert job.withheld == []
