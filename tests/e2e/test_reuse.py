"""Results used again with everything running: what is stored is given at once, and for nothing."""

import hashlib
import os
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.jobs import Job
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0, "price": "0.01"}


async def ask(client: Client, prompt: str = "a keeper", **fields: Any) -> Job:
    parameters = {**FAST, **fields.pop("parameters", {})}
    body: dict[str, Any] = {"kind": "portrait", "parameters": parameters, **fields}
    return await client.submit(prompt=prompt, **body)


async def make(client: Client, prompt: str = "a keeper", **fields: Any) -> Job:
    return await client.wait((await ask(client, prompt, **fields)).id)


async def events(stack: Stack, job: Job) -> list[str]:
    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        items = (await http.get(f"/v1/jobs/{job.id}/events")).json()["items"]
    return [each["type"].split(".")[2] for each in items]


async def upload(stack: Stack, project: str) -> dict[str, str]:
    """A reference that nobody else has."""
    picture = BytesIO()
    Image.frombytes("RGB", (8, 8), os.urandom(8 * 8 * 3)).save(picture, "PNG")
    digest = hashlib.sha256(picture.getvalue()).hexdigest()
    async with httpx.AsyncClient(base_url=stack.url("storage"), timeout=TIMEOUT) as http:
        response = await http.put(
            f"/v1/projects/{project}/uploads/sha256/{digest}", content=picture.getvalue()
        )
    assert response.status_code == 201, response.text
    return {"upload": f"sha256:{digest}"}


async def test_the_same_again_is_there_at_once_and_costs_nothing(
    stack: Stack, client: Client
) -> None:
    first = await make(client)

    again = await ask(client, reuse=True)

    assert again.id != first.id
    assert again.status == "succeeded"
    assert again.assets[0].sha256 == first.assets[0].sha256
    assert again.charged == "no"
    assert again.cost.estimated == again.cost.actual == 0
    assert again.detail == f"the result of {first.id} is used again"
    assert await events(stack, again) == ["accepted", "succeeded"]
    assert [record.job for record in stack.ledger(client.project)] == [first.id]


async def test_the_bytes_can_be_fetched_under_both_names(stack: Stack, client: Client) -> None:
    first = await make(client)
    again = await ask(client, reuse=True)
    names = [first.assets[0].id, f"ast_{again.id.removeprefix('job_')}_0"]

    async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True) as http:
        direct = await http.get(again.assets[0].url or "")
        storage = stack.url("storage")
        named = [await http.get(f"{storage}/v1/assets/{name}/content") for name in names]

    assert direct.content == named[0].content == named[1].content
    assert direct.headers["content-type"] == "image/png"


async def test_what_was_used_again_is_a_version_of_its_slot(client: Client) -> None:
    first = await make(client)

    again = await ask(client, slot="portrait/char-123", reuse=True)

    base = f"{client.url}/v1/projects/{client.project}"
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        slot = (await http.get(f"{base}/slots/portrait/char-123")).json()
    assert slot["current"]["job"] == again.id
    assert slot["current"]["assets"][0]["id"] == first.assets[0].id


async def test_a_result_of_another_kind_of_job_is_the_same_when_the_provider_got_the_same(
    client: Client,
) -> None:
    await make(client)

    assert (await ask(client, kind="image", reuse=True)).status == "succeeded"


@pytest.mark.parametrize(
    "difference",
    [
        {"prompt": "a keeper, at night"},
        {"parameters": {"seed": 1}},
        {"edit_prompt": "at night"},
        {"references": [{"url": "https://example.com/a.png"}]},
    ],
    ids=lambda difference: next(iter(difference)),
)
async def test_what_differs_is_made(client: Client, difference: dict[str, Any]) -> None:
    await make(client)

    assert (await ask(client, **{"reuse": True, **difference})).status == "queued"


async def test_another_style_is_another_result(client: Client) -> None:
    await make(client)
    address = f"{client.url}/v1/projects/{client.project}"
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        await http.patch(address, json={"defaults": {"style": "oil"}})

    assert (await ask(client, reuse=True)).status == "queued"


async def test_a_reference_is_the_same_by_its_bytes_and_not_by_its_name(
    stack: Stack, client: Client
) -> None:
    first, second = await make(client), await make(client)
    assert first.assets[0].sha256 == second.assets[0].sha256
    await make(client, "older", references=[{"asset": first.assets[0].id}])

    again = await ask(client, "older", references=[{"asset": second.assets[0].id}], reuse=True)
    other = await ask(client, "older", references=[await upload(stack, client.project)], reuse=True)

    assert again.status == "succeeded"
    assert other.status == "queued"


async def test_what_another_project_made_is_not_used(stack: Stack, client: Client) -> None:
    prompt = uuid4().hex
    await make(client, prompt)

    async with stack.client(f"{client.project}-b") as other:
        assert (await ask(other, prompt, reuse=True)).status == "queued"


async def test_what_failed_is_not_used(client: Client) -> None:
    failing: dict[str, Any] = {"parameters": {"fault": "policy"}}
    await client.finish((await ask(client, **failing)).id)

    assert (await ask(client, reuse=True, **failing)).status == "queued"


async def test_without_asking_for_it_everything_is_made_anew(stack: Stack, client: Client) -> None:
    await make(client)
    await make(client)

    assert len(stack.ledger(client.project)) == 2


async def test_the_key_of_a_result_used_again_is_answered_with_it(client: Client) -> None:
    await make(client)
    key = uuid4().hex

    first, again = [await ask(client, reuse=True, key=key) for _ in range(2)]

    assert first.id == again.id
    assert first.status == again.status == "succeeded"


async def test_the_most_that_it_may_cost_is_compared_with_what_it_would_cost(
    client: Client,
) -> None:
    await make(client)

    with pytest.raises(RequestRejected) as error:
        await ask(client, reuse=True, max_cost="0.009")

    assert (error.value.problem.status, error.value.problem.code) == (402, "over_max_cost")


async def test_a_retry_may_use_what_was_stored_since(client: Client) -> None:
    failed = await ask(client, parameters={"fault": "policy"})
    await client.finish(failed.id)
    await make(client)

    again = await client.retry(failed.id, changes={"parameters": FAST, "reuse": True})

    assert again.status == "succeeded"
    assert again.retry_of == failed.id
