"""What clients bring is kept under its digest, once, and can be worked from."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


@pytest.fixture
async def storage(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with documented_client(stack.url("storage"), "storage", timeout=TIMEOUT) as http:
        yield http


def _picture(color: str = "teal") -> tuple[bytes, str]:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(buffer, "PNG")
    return buffer.getvalue(), hashlib.sha256(buffer.getvalue()).hexdigest()


def _door(project: str, sha256: str) -> str:
    return f"/v1/projects/{project}/uploads/sha256/{sha256}"


async def test_an_upload_is_kept_once(storage: httpx.AsyncClient, project: str) -> None:
    content, sha256 = _picture()

    responses = [await storage.put(_door(project, sha256), content=content) for _ in range(2)]

    assert [response.status_code for response in responses] == [201, 200]
    assert responses[0].json() == responses[1].json()
    assert responses[0].json()["media_type"] == "image/png"
    assert (responses[0].json()["width"], responses[0].json()["height"]) == (64, 48)


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [(b"<svg xmlns=", 422, "output_refused"), (b"[" * 40, 413, "body_too_large")],
)
async def test_a_body_is_refused_by_its_first_bytes_before_the_others_come(
    stack: Stack, project: str, head: bytes, status: int, code: str
) -> None:
    """Its length fits a video; what it begins with is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports["storage"])
    path = _door(project, hashlib.sha256(head).hexdigest())
    host = f"127.0.0.1:{stack.ports['storage']}"
    lines = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30000000\r\n\r\n"
    writer.write(lines.encode() + head.ljust(64))

    response = b""
    async with asyncio.timeout(TIMEOUT):
        while code.encode() not in response and (more := await reader.read(65_536)):
            response += more

    writer.close()
    assert response.startswith(f"HTTP/1.1 {status}".encode())
    assert code.encode() in response


async def test_a_digest_that_is_not_of_the_body_is_refused(
    storage: httpx.AsyncClient, project: str
) -> None:
    content, _ = _picture()

    response = await storage.put(_door(project, "0" * 64), content=content)

    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"<!doctype html>", b"%PDF-1.7", b"MZ",
     b"\x89PNG\r\n\x1a\n but no picture", b""],
)  # fmt: skip
async def test_what_is_of_no_stored_type_is_refused(
    storage: httpx.AsyncClient, project: str, content: bytes
) -> None:
    sha256 = hashlib.sha256(content).hexdigest()

    response = await storage.put(_door(project, sha256), content=content)

    assert (response.status_code, response.json()["code"]) == (422, "output_refused")


async def test_an_upload_is_no_larger_than_its_medium_allows(
    storage: httpx.AsyncClient, project: str
) -> None:
    """Although a video of that size would be taken."""
    content = b"[" + b"[]," * 2**21 + b"[]]"
    sha256 = hashlib.sha256(content).hexdigest()

    response = await storage.put(_door(project, sha256), content=content)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "of text" in response.json()["detail"]


async def test_partial_uploads_of_a_killed_process_are_removed(
    storage: httpx.AsyncClient, stack: Stack, project: str
) -> None:
    content, sha256 = _picture("olive")
    bringing = asyncio.create_task(storage.put(_door(project, sha256), content=_never_all(content)))
    async with asyncio.timeout(TIMEOUT):
        while not _left_behind(stack):
            await asyncio.sleep(0.02)
        old = stack.pid("storage")
        assert old
        assert stack.kill("storage")
        bringing.cancel()
        await asyncio.to_thread(stack.until_restarted, "storage", old)

        assert _left_behind(stack) == []
        while not await _is_ready(storage):
            await asyncio.sleep(0.05)


async def _never_all(content: bytes) -> AsyncIterator[bytes]:
    yield content
    await asyncio.Event().wait()


def _left_behind(stack: Stack) -> list[Path]:
    return [file for file in (stack.home / "tmp").rglob("*") if file.is_file()]


async def _is_ready(storage: httpx.AsyncClient) -> bool:
    try:
        return (await storage.get("/readyz")).is_success
    except httpx.TransportError:
        return False


async def test_an_upload_can_be_worked_from(
    storage: httpx.AsyncClient, client: Client, project: str
) -> None:
    content, sha256 = _picture("coral")
    await storage.put(_door(project, sha256), content=content)

    job = await client.submit(
        kind="cast_ref",
        prompt="in this colour",
        model="sim/edit",
        references=[{"upload": f"sha256:{sha256}"}],
        parameters={"seconds": 0},
    )

    assert (await client.wait(job.id)).status == "succeeded"


async def test_more_references_than_the_model_takes_are_cut_and_it_says_so(
    storage: httpx.AsyncClient, client: Client, project: str
) -> None:
    content, sha256 = _picture("plum")
    await storage.put(_door(project, sha256), content=content)

    job = await client.submit(
        kind="cast_ref",
        prompt="six of one",
        model="sim/edit",
        references=[{"upload": f"sha256:{sha256}"}] * 6,
        parameters={"seconds": 0},
    )

    assert len(job.references) == 4
    assert job.detail == "the first 4 of 6 references are used"
    assert (await client.wait(job.id)).detail == job.detail
