"""Uploads are bounded, leave room for what was paid, and go when nothing names them."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.support.stack import Stack, stack_running

MOST, MOST_BYTES = 3, 40_000  #: uploads of a project
TIMEOUT = 90.0  #: seconds


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Heliograph that takes few uploads, and keeps them for a second."""
    settings = {
        "HELIOGRAPH_UPLOADS_PER_PROJECT": str(MOST),
        "HELIOGRAPH_UPLOADS_MAX_BYTES": str(MOST_BYTES),
        "HELIOGRAPH_UPLOAD_RETENTION_DAYS": str(3 / 86_400),
        "HELIOGRAPH_UPLOAD_SWEEP_INTERVAL": "0.5",
    }
    with stack_running(tmp_path_factory.mktemp("small") / "home", settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Heliograph whose disk has less free space than it leaves to results."""
    settings = {"HELIOGRAPH_UPLOAD_RESERVE": str(10**18)}
    with stack_running(tmp_path_factory.mktemp("full") / "home", settings) as stack:
        yield stack


@pytest.fixture
async def storage(small: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=small.url("storage"), timeout=20) as http:
        yield http


def _picture(noise: int = 0) -> bytes:
    """One that nobody else has, of about so many bytes."""
    buffer = io.BytesIO()
    color = "#" + uuid4().hex[:6]
    Image.new("RGB", (8, 8), color).save(buffer, "PNG")
    return buffer.getvalue() + bytes(noise)


def _place(project: str, content: bytes) -> str:
    return f"/v1/projects/{project}/uploads/sha256/{hashlib.sha256(content).hexdigest()}"


async def _bring(http: httpx.AsyncClient, project: str, content: bytes) -> httpx.Response:
    return await http.put(_place(project, content), content=content)


async def _eventually(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_so():
            await asyncio.sleep(0.05)


def _kept(stack: Stack, project: str) -> list[Path]:
    return list((stack.home / "s3").glob(f"*/p/{project}/uploads/*"))


async def test_a_project_cannot_bring_files_without_end(
    storage: httpx.AsyncClient, project: str
) -> None:
    refused = None
    for _ in range(10 * MOST):  # what was counted is a moment late
        answer = await _bring(storage, project, _picture())
        if not answer.is_success:
            refused = answer
            break

    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert int(refused.headers["Retry-After"]) > 0
    assert (await _bring(storage, f"{project}x", _picture())).status_code == 201


async def test_a_project_cannot_bring_bytes_without_end(
    storage: httpx.AsyncClient, project: str
) -> None:
    answer = await _bring(storage, project, _picture(noise=MOST_BYTES))

    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [(b"<svg xmlns=", 422, "output_refused"), (b"[" * 40, 413, "body_too_large")],
)
async def test_a_body_is_refused_by_its_first_bytes_before_the_others_come(
    stack: Stack, project: str, head: bytes, status: int, code: str
) -> None:
    """Its length fits a video; what it begins with is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports["storage"])
    path, host = _place(project, head), f"127.0.0.1:{stack.ports['storage']}"
    lines = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30000000\r\n\r\n"
    writer.write(lines.encode() + head.ljust(64))

    async with asyncio.timeout(TIMEOUT):
        answer = await reader.read(65_536)

    writer.close()
    assert answer.startswith(f"HTTP/1.1 {status}".encode())
    assert code.encode() in answer


async def test_an_upload_that_nothing_names_goes_and_may_come_again(
    storage: httpx.AsyncClient, small: Stack, project: str
) -> None:
    content = _picture()
    assert (await _bring(storage, project, content)).status_code == 201
    assert _kept(small, project)

    await _eventually(lambda: not _kept(small, project))

    assert (await _bring(storage, project, content)).status_code == 201
    assert len(_kept(small, project)) == 1


async def test_an_upload_that_a_job_names_stays(
    storage: httpx.AsyncClient, small: Stack, project: str
) -> None:
    named, other = _picture(), _picture()
    for content in (named, other):
        assert (await _bring(storage, project, content)).status_code == 201
    reference = {"upload": f"sha256:{hashlib.sha256(named).hexdigest()}"}
    async with small.client(project) as client:
        job = await client.submit(
            kind="cast_ref",
            prompt="from it",
            model="sim/edit",
            references=[reference],
            parameters={"seconds": 0},
        )
        await client.wait(job.id)

    await _eventually(lambda: len(_kept(small, project)) == 1)

    assert (await _bring(storage, project, named)).status_code == 200


async def test_a_disk_that_is_nearly_full_is_left_to_results(full: Stack, project: str) -> None:
    async with httpx.AsyncClient(base_url=full.url("storage"), timeout=20) as http:
        answer = await _bring(http, project, _picture())

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    async with full.client(project) as client:
        job = await client.submit(kind="image", prompt="a hut", parameters={"seconds": 0})
        assert (await client.wait(job.id)).status == "succeeded"
