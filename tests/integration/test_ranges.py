"""A part of an object is a part: presigned addresses answer ranges, and films can be sought."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import av
import httpx
import pytest
from PIL import Image

from deploy.local.processes import Process, program, s3_server
from deploy.local.range_proxy import request_head, response_head
from heliograph.contracts.queries.storage import StoredObject
from heliograph.runtime.settings import ServiceSettings
from services.storage.content import Content
from services.storage.stores.minio import MinioStore
from tests.support.browser import browser_page
from tests.support.servers import Program, Server, free_port
from tests.support.timeouts import TIMEOUT

SIZE = 3_000_000
DATA = os.urandom(SIZE)


def _store(settings: ServiceSettings) -> MinioStore:
    access_key, secret_key = settings.folder.s3_credentials()
    if settings.s3_access_key and settings.s3_secret_key:
        access_key, secret_key = settings.s3_access_key, settings.s3_secret_key
    return MinioStore(settings.s3, access_key, secret_key, "ranges")


@pytest.fixture
async def store(s3: Server) -> AsyncIterator[MinioStore]:
    store = _store(s3.settings)
    await store.open()
    yield store
    await store.aclose()


async def _put(store: MinioStore, file: Path, media_type: str = "video/mp4") -> str:
    """Its presigned address."""
    key = f"{uuid4().hex}/film.mp4"
    await store.put(key, Content.of(file), media_type)
    return store.presigned_url(
        StoredObject(key=key, media_type=media_type, filename="film.mp4"), seconds=600
    )


@pytest.fixture
async def address(store: MinioStore, tmp_path: Path) -> str:
    file = tmp_path / "object"
    file.write_bytes(DATA)
    return await _put(store, file)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        yield client


@pytest.mark.parametrize(
    ("requested", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=1000000-", 1_000_000, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        ("bytes=2999999-2999999", SIZE - 1, SIZE - 1),
        ("bytes=2999990-9999999", SIZE - 10, SIZE - 1),
    ],
)
async def test_a_part_is_answered_with_206(
    http: httpx.AsyncClient, address: str, requested: str, first: int, last: int
) -> None:
    response = await http.get(address, headers={"Range": requested})

    assert response.status_code == 206
    assert response.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert response.headers["content-type"] == "video/mp4"
    assert int(response.headers["content-length"]) == last - first + 1
    assert response.content == DATA[first : last + 1]


async def test_the_whole_is_answered_with_200(http: httpx.AsyncClient, address: str) -> None:
    response = await http.get(address)

    assert (response.status_code, response.content) == (200, DATA)
    assert "content-range" not in response.headers
    assert response.headers["accept-ranges"] == "bytes"


async def test_what_is_beyond_the_end_is_answered_with_416(
    http: httpx.AsyncClient, address: str
) -> None:
    assert (await http.get(address, headers={"Range": f"bytes={SIZE}-"})).status_code == 416


async def test_a_range_request_needs_a_valid_signature(
    http: httpx.AsyncClient, address: str
) -> None:
    tampered = address.replace("X-Amz-Signature=", "X-Amz-Signature=0")

    assert (await http.get(tampered, headers={"Range": "bytes=0-9"})).status_code == 403


async def test_many_parts_at_once_are_each_the_right_one(
    http: httpx.AsyncClient, address: str
) -> None:
    starts = range(0, SIZE, 50_000)

    async def part(start: int) -> bytes:
        return (
            await http.get(address, headers={"Range": f"bytes={start}-{start + 49_999}"})
        ).content

    assert b"".join(await asyncio.gather(*map(part, starts))) == DATA


async def test_a_home_from_before_keeps_every_object(tmp_path: Path) -> None:
    """They were written by rclone alone; what reads them now is in front of it."""
    settings = ServiceSettings(home=tmp_path, s3_port=free_port(), s3_internal_port=free_port())
    settings = settings.model_copy(update={"s3_endpoint": settings.s3})
    now = s3_server(settings)
    rclone = now.command[now.command.index(program("rclone")) :]
    before = Process("s3", [*rclone, "--addr", f"127.0.0.1:{settings.s3_port}"], now.environment)
    file = tmp_path / "object"
    file.write_bytes(DATA)
    server = Program(settings, before)
    server.start()
    store = _store(settings)
    await store.open()
    address = await _put(store, file)
    server.kill()

    server = Program(settings, now)
    server.start()
    try:
        async with httpx.AsyncClient() as http:
            kept = await http.get(address)
            part = await http.get(address, headers={"Range": "bytes=5-9"})
        await store.aclose()
    finally:
        server.kill()

    assert (kept.status_code, kept.content) == (200, DATA)
    assert (part.status_code, part.content) == (206, DATA[5:10])


def _film(file: Path, seconds: int) -> None:
    """A film of noise, which is large: a browser does not have it all when it begins to play."""
    noise = [Image.frombytes("RGB", (320, 180), os.urandom(320 * 180 * 3)) for _ in range(8)]
    with av.open(str(file), "w", options={"movflags": "faststart"}) as film:
        stream = film.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(24 * seconds):
            frame = av.VideoFrame.from_image(noise[number % 8])  # type: ignore[no-untyped-call]
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


_SEEK = """
new Promise((done, fail) => {
  const film = document.createElement("video");
  film.muted = true;
  film.preload = "metadata";
  film.onerror = () => fail(new Error("it cannot be played: " + film.error.message));
  film.onloadedmetadata = () => { film.currentTime = film.duration - 2; };
  film.onseeked = () => film.play();
  film.onended = () => done({
    duration: film.duration, width: film.videoWidth, from: film.played.start(0),
    loaded: [...Array(film.buffered.length).keys()].map(
      (n) => film.buffered.end(n) - film.buffered.start(n)).reduce((a, b) => a + b, 0),
  });
  setTimeout(() => fail(new Error("it stands at " + film.currentTime)), 40000);
  film.src = ADDRESS;
  document.body.append(film);
})
"""


async def test_a_film_is_played_and_sought_in_a_browser(store: MinioStore, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    await asyncio.to_thread(_film, file, 60)
    address = await _put(store, file)

    async with browser_page(tmp_path / "profile") as page:
        shown = await page.evaluate(_SEEK.replace("ADDRESS", f'"{address}"'))

    assert shown["width"] == 320
    assert shown["duration"] == pytest.approx(60, abs=0.5)
    assert shown["from"] == pytest.approx(58, abs=0.5)
    assert shown["loaded"] < 50  # what is before was not fetched for it


# -- heads


def test_a_connection_carries_one_request() -> None:
    head = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nRange: bytes=0-1\r\n\r\n"

    assert request_head(head) == (
        b"GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n"
    )


def test_what_is_no_part_keeps_its_status() -> None:
    for head in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 416 Range\r\nContent-Range: bytes */5\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nX: content-range: bytes 0-1/2\r\n\r\n",
    ):
        assert response_head(head).split(b"\r\n")[0] == head.split(b"\r\n")[0]
    assert response_head(b"HTTP/1.1 100 Continue\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
