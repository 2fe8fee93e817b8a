"""What came inside a response belongs to its job: it waits for a broken store, and goes with the job."""

import asyncio
import hashlib
from collections.abc import Callable
from io import BytesIO
from uuid import uuid4

import httpx
import pytest
from minio import Minio

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.id_generation import new_job_id
from tests.support.refusing_store import RefusingStore
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def _submit(client: Client, **fields: object) -> str:
    prompt = f"a lighthouse {uuid4().hex}"
    job = await client.submit(
        kind="image", prompt=prompt, model="openai/gpt-image-2", key=uuid4().hex, **fields
    )
    return job.id


async def _eventually(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("status", [401, 403, 400])
async def test_a_paid_picture_waits_while_our_own_store_refuses_its_key(
    client: Client, store: RefusingStore, status: int
) -> None:
    store.refusal = status
    try:
        job = await _submit(client)
        refused = len(store.refused)
        await _eventually(lambda: len(store.refused) > refused)
    finally:
        store.refusal = None

    done = await client.wait(job)

    assert (done.status, done.error, len(done.assets)) == ("succeeded", None, 1)


async def test_an_inline_result_is_moved_and_is_not_an_upload(
    client: Client, stored: Callable[[str], list[str]]
) -> None:
    done = await client.wait(await _submit(client))

    sha256 = done.assets[0].sha256
    await _eventually(
        lambda: [key for key in stored(sha256) if not key.startswith(f"{done.id}/")] == []
    )
    with pytest.raises(RequestRejected):
        await client.submit(
            kind="cast_ref",
            prompt="from it",
            model="sim/edit",
            references=[{"upload": f"sha256:{sha256}"}],
        )


async def test_an_inline_result_goes_with_its_job(
    client: Client,
    stack: Stack,
    project: str,
    objects: Minio,
    stored: Callable[[str], list[str]],
) -> None:
    job = await _submit(client)
    await client.wait(job)
    left = f"p/{project}/inline/{job}/{'0' * 64}"  # as by a storage that was killed meanwhile
    objects.put_object(stack.environment["HELIOGRAPH_S3_BUCKET"], left, BytesIO(b"left"), 4)

    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        response = await http.patch(f"/v1/projects/{project}", json={"retention": {"days": 0}})
        assert response.is_success, response.text

    await _eventually(lambda: not stored(job))


async def test_an_inline_result_that_comes_after_success_is_not_kept(
    client: Client, stack: Stack, project: str, stored: Callable[[str], list[str]]
) -> None:
    done = await client.wait(await _submit(client))
    await _eventually(lambda: not stored(f"inline/{done.id}/"))

    await _upload(stack, project, done.id, uuid4().bytes)

    assert stored(f"inline/{done.id}/") == []


async def test_what_belongs_to_no_job_is_not_kept(stack: Stack, project: str) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await _upload(stack, project, new_job_id(), b"whatever")


async def _upload(stack: Stack, project: str, job: str, body: bytes) -> None:
    path = f"/v1/projects/{project}/inline/{job}/sha256/{hashlib.sha256(body).hexdigest()}"
    async with httpx.AsyncClient(base_url=stack.url("storage")) as http:
        (await http.put(path, content=body)).raise_for_status()
