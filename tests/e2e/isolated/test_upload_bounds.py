"""Uploads are bounded, leave room for what was paid, and go when nothing names them."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.e2e.isolated.conftest import UPLOAD_BYTES, UPLOADS
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


@pytest.fixture
async def storage(bounded: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bounded.url("storage"), timeout=TIMEOUT) as http:
        yield http


def _picture(noise: int = 0) -> bytes:
    """One that nobody else has, of about so many bytes."""
    buffer = io.BytesIO()
    color = "#" + uuid4().hex[:6]
    Image.new("RGB", (8, 8), color).save(buffer, "PNG")
    return buffer.getvalue() + bytes(noise)


def _place(project: str, content: bytes) -> str:
    return f"/v1/projects/{project}/uploads/sha256/{hashlib.sha256(content).hexdigest()}"


async def _upload(http: httpx.AsyncClient, project: str, content: bytes) -> httpx.Response:
    return await http.put(_place(project, content), content=content)


async def _eventually(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.05)


def _kept(stack: Stack, project: str) -> list[Path]:
    return list((stack.home / "s3").glob(f"*/p/{project}/uploads/*"))


async def test_the_number_of_a_projects_uploads_is_bounded(
    storage: httpx.AsyncClient, project: str
) -> None:
    refused = None
    for _ in range(10 * UPLOADS):  # what was counted is a moment late
        response = await _upload(storage, project, _picture())
        if not response.is_success:
            refused = response
            break

    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert int(refused.headers["Retry-After"]) > 0
    assert (await _upload(storage, f"{project}x", _picture())).status_code == 201


async def test_the_bytes_of_a_projects_uploads_are_bounded(
    storage: httpx.AsyncClient, project: str
) -> None:
    response = await _upload(storage, project, _picture(noise=UPLOAD_BYTES))

    assert (response.status_code, response.json()["code"]) == (503, "queue_full")


async def test_an_upload_that_nothing_names_goes_and_may_come_again(
    storage: httpx.AsyncClient, bounded: Stack, project: str
) -> None:
    content = _picture()
    assert (await _upload(storage, project, content)).status_code == 201
    assert _kept(bounded, project)

    await _eventually(lambda: not _kept(bounded, project))

    assert (await _upload(storage, project, content)).status_code == 201
    assert len(_kept(bounded, project)) == 1


async def test_an_upload_that_a_job_names_stays(
    storage: httpx.AsyncClient, bounded: Stack, project: str
) -> None:
    named, other = _picture(), _picture()
    for content in (named, other):
        assert (await _upload(storage, project, content)).status_code == 201
    reference = {"upload": f"sha256:{hashlib.sha256(named).hexdigest()}"}
    async with bounded.client(project) as client:
        job = await client.submit(
            kind="cast_ref",
            prompt="from it",
            model="sim/edit",
            references=[reference],
            parameters={"seconds": 0},
        )
        await client.wait(job.id)

    await _eventually(lambda: len(_kept(bounded, project)) == 1)

    assert (await _upload(storage, project, named)).status_code == 200


async def test_a_disk_that_is_nearly_full_is_left_to_results(
    breakable: Stack, project: str
) -> None:
    """Storage is told to leave more space free than there is."""
    async with httpx.AsyncClient(base_url=breakable.url("storage"), timeout=TIMEOUT) as http:
        response = await _upload(http, project, _picture())

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    async with breakable.client(project) as client:
        job = await client.submit(kind="image", prompt="a hut", parameters={"seconds": 0})
        assert (await client.wait(job.id)).status == "succeeded"
