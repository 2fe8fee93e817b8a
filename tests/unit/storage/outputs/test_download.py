"""Whatever a host of results does, fetching ends in bounds: with the bytes, or with one typed error."""

import asyncio
import gzip
import os
import socket
import struct
import time
import traceback
import zlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from heliograph.contracts.errors import OutputExpired, OutputRefused, OutputTooLarge, StorageFailed
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from services.storage.outputs.download import OutputDownloader
from tests.support.servers import free_port

Speak = Callable[[StreamWriter], Awaitable[None]]  #: one answer, byte by byte

LIMIT = 100_000  #: bytes
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


class Site:
    """A web server that says what its script says; the last line of it again and again."""

    def __init__(self) -> None:
        self.script: list[Speak] = []
        self.requests: list[str] = []
        self.connections = 0
        self._visits: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}/output"

    async def close(self) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        visit = asyncio.create_task(self._serve(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            line = min(len(self.requests), len(self.script))
            await self.script[line - 1](writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def says(head: str, body: bytes = b"") -> Speak:
    """A status line with headers, and bytes."""

    async def speak(writer: StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body)

    return speak


def gives(body: bytes, *headers: str) -> Speak:
    return says("\r\n".join(["200 OK", f"Content-Length: {len(body)}", *headers]), body)


def responds(status: int) -> Speak:
    return says(f"{status} Whatever\r\nContent-Length: 0")


def sends_on(location: str, status: int = 302) -> Speak:
    return says(f"{status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0")


def goes_on(head: bytes, more: bytes, *, pause: float = 0) -> Speak:
    """The same bytes without end."""

    async def speak(writer: StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause)

    return speak


def breaks(head: bytes) -> Speak:
    """Some bytes, and a reset."""

    async def speak(writer: StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    return speak


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"8000\r\n" + bytes(0x8000) + b"\r\n"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try is repeated after 30 ms, not 200."""
    monkeypatch.setattr("services.storage.outputs.download._FIRST_PAUSE", 0.03)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.open()
    yield site
    await site.close()


@pytest.fixture
async def stranger() -> AsyncIterator[Site]:
    """A site on no list, with a picture for everybody."""
    stranger = Site()
    await stranger.open()
    stranger.script = [gives(PICTURE)]
    yield stranger
    await stranger.close()


@pytest.fixture
async def downloader(site: Site) -> AsyncIterator[OutputDownloader]:
    """With time enough."""
    downloader = OutputDownloader(FetchHosts(own=[site.host]), deadline=20)
    yield downloader
    await downloader.aclose()


@pytest.fixture
async def hasty(site: Site) -> AsyncIterator[OutputDownloader]:
    """With 0.2 s for all tries."""
    downloader = OutputDownloader(FetchHosts(own=[site.host]), deadline=0.2)
    yield downloader
    await downloader.aclose()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "output"


def content_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


async def test_what_is_there_is_copied(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE


async def test_a_body_of_exactly_the_limit_is_taken(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(bytes(LIMIT))]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == bytes(LIMIT)


async def test_a_body_of_no_announced_length_ends_with_the_connection(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [says("200 OK", PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE


async def test_an_empty_body_is_an_empty_file(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(b"")]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == b""


async def test_downloads_carry_no_credentials(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    [request] = site.requests
    names = {line.split(":")[0].lower() for line in request.splitlines()[1:] if line}
    assert names == {"host", "accept", "accept-encoding", "connection", "user-agent"}


async def test_cookies_are_not_sent_with_the_next_request(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(PICTURE, "Set-Cookie: visitor=job_a; Path=/")]

    for _ in range(2):
        await downloader.download(site.url, target, limit=LIMIT)

    assert not any("visitor" in request for request in site.requests)


async def test_a_signed_address_is_asked_for_letter_by_letter(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    """A signature may cover the address as it is written."""
    address = "/a%2Fb%7Ec/0.png?sig=A%2Fb%2BC%3d%3D&at=2026%2d01&by=a+b"
    site.script = [gives(PICTURE)]

    await downloader.download(f"http://{site.host}{address}", target, limit=LIMIT)

    assert site.requests[0].startswith(f"GET {address} HTTP/1.1\r\n")


async def test_a_proxy_in_the_environment_is_not_used(
    site: Site, stranger: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{stranger.host}")
    site.script = [responds(503), gives(PICTURE)]

    async with aclosing(OutputDownloader(FetchHosts(own=[site.host]), deadline=20)) as downloader:
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 2
    assert stranger.connections == 0


async def test_few_bytes_stay_in_memory_and_many_lie_in_the_file(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(b"ten bytes."), gives(b"eleven byte")]

    few = await downloader.download(site.url, target, limit=LIMIT, in_memory=10)
    assert content_of(target) is None
    many = await downloader.download(site.url, target, limit=LIMIT, in_memory=10)

    assert few == b"ten bytes."
    assert many == target
    assert content_of(target) == b"eleven byte"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_what_is_gone_is_expired_at_once(
    downloader: OutputDownloader, site: Site, target: Path, status: int
) -> None:
    site.script = [responds(status)]

    with pytest.raises(OutputExpired, match=str(status)):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [400, 416, 431, 501])
async def test_a_final_response_is_not_requested_again(
    downloader: OutputDownloader, site: Site, target: Path, status: int
) -> None:
    site.script = [responds(status)]

    with pytest.raises(StorageFailed, match=str(status)):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1


async def test_a_busy_host_is_retried_until_it_answers(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [responds(503), responds(503), responds(503), gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 504])
async def test_what_passes_is_tried_again(
    downloader: OutputDownloader, site: Site, target: Path, status: int
) -> None:
    site.script = [responds(status), gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE


BROKEN = {
    "reset before the answer": breaks(b""),
    "reset in the head": breaks(HEAD),
    "reset in the body": breaks(HEAD + b"Content-Length: 9000\r\n\r\n" + bytes(5000)),
    "reset between chunks": breaks(CHUNKED + CHUNK),
    "shorter than announced": says("200 OK\r\nContent-Length: 99999", bytes(50_000)),
    "ends within a chunk": says("200 OK\r\nTransfer-Encoding: chunked", CHUNK[:20_000]),
    "a length that is none": says("200 OK\r\nContent-Length: many", PICTURE),
    "a negative length": says("200 OK\r\nContent-Length: -1", PICTURE),
    "two lengths": says("200 OK\r\nContent-Length: 1\r\nContent-Length: 2", PICTURE),
    "a chunk of no size": says("200 OK\r\nTransfer-Encoding: chunked", b"size\r\n"),
    "no HTTP": breaks(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "a head without end": goes_on(HEAD, b"X-More: " + b"m" * 2000 + b"\r\n"),
}


@pytest.mark.parametrize("response", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_is_tried_again_from_the_start(
    downloader: OutputDownloader, site: Site, target: Path, response: Speak
) -> None:
    site.script = [response, gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE
    assert len(site.requests) == 2


async def test_more_bytes_than_announced_are_left_there(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [says(f"200 OK\r\nContent-Length: {len(PICTURE)}", PICTURE + b"<script>")]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE


async def test_an_announced_size_over_the_limit_is_refused_unread(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [says("200 OK\r\nContent-Length: 5000000000", PICTURE)]

    with pytest.raises(OutputTooLarge):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1
    assert content_of(target) is None


@pytest.mark.parametrize("head", [CHUNKED, HEAD + b"\r\n"], ids=["chunked", "no length"])
async def test_a_body_without_end_is_left_at_the_limit(
    downloader: OutputDownloader, site: Site, target: Path, head: bytes
) -> None:
    site.script = [goes_on(head, CHUNK)]

    with pytest.raises(OutputTooLarge):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1
    assert len(content_of(target) or b"") <= LIMIT


@pytest.mark.parametrize(
    "response",
    [
        goes_on(HEAD + b"Content-Length: 9000\r\n\r\n", b"\0", pause=0.05),
        goes_on(CHUNKED, b"1\r\n\0\r\n", pause=0.05),
        goes_on(HEAD, b"X", pause=0.05),
        goes_on(b"", b"", pause=0.05),
        goes_on(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05),
    ],
    ids=["body", "chunks", "head", "nothing", "interim answers"],
)
async def test_a_byte_now_and_then_does_not_stretch_the_deadline(
    hasty: OutputDownloader, site: Site, target: Path, response: Speak
) -> None:
    site.script = [response]
    began = time.monotonic()

    with pytest.raises(StorageFailed, match=r"0\.2 s"):
        await hasty.download(site.url, target, limit=LIMIT)

    assert time.monotonic() - began < 20


async def test_the_deadline_is_for_all_tries_and_says_what_was_wrong(
    site: Site, target: Path
) -> None:
    site.script = [responds(503)]
    began = time.monotonic()

    async with aclosing(OutputDownloader(FetchHosts(own=[site.host]), deadline=2)) as downloader:
        with pytest.raises(StorageFailed, match="503") as caught:
            await downloader.download(site.url, target, limit=LIMIT)

    assert caught.value.retryable
    assert time.monotonic() - began < 20
    assert 1 < len(site.requests) < 12


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_host_that_does_not_answer_is_waited_for_until_the_deadline(
    target: Path, scheme: str
) -> None:
    host = f"127.0.0.1:{free_port()}"
    downloader = OutputDownloader(FetchHosts(own=[host]), deadline=0.2)

    with pytest.raises(StorageFailed):
        await downloader.download(f"{scheme}://{host}/output", target, limit=LIMIT)

    await downloader.aclose()


async def test_a_failure_does_not_repeat_a_signed_address(
    hasty: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [breaks(HEAD)]
    signature = uuid4().hex

    with pytest.raises(StorageFailed) as caught:
        await hasty.download(f"{site.url}?sig={signature}", target, limit=LIMIT)

    assert signature not in "".join(traceback.format_exception(caught.value))


def _bare_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


COMPRESSED = {
    "gzip": ("gzip", gzip.compress(PICTURE)),
    "capitals": ("GZIP", gzip.compress(PICTURE)),
    "the old name": ("x-gzip", gzip.compress(PICTURE)),
    "two members": ("gzip", gzip.compress(PICTURE[:99]) + gzip.compress(PICTURE[99:])),
    "zlib": ("deflate", zlib.compress(PICTURE)),
    "bare deflate": ("deflate", _bare_deflate(PICTURE)),
    "nothing": ("identity", PICTURE),
}


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED.values(), ids=COMPRESSED)
async def test_unrequested_compression_is_undone(
    downloader: OutputDownloader, site: Site, target: Path, encoding: str, body: bytes
) -> None:
    site.script = [gives(body, f"Content-Encoding: {encoding}")]

    await downloader.download(site.url, target, limit=LIMIT)

    assert "accept-encoding: identity" in site.requests[0].lower()
    assert content_of(target) == PICTURE


async def test_a_compressed_body_is_no_larger_than_the_limit_once_it_is_undone(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [gives(gzip.compress(bytes(20_000_000)), "Content-Encoding: gzip")]

    with pytest.raises(OutputTooLarge):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(content_of(target) or b"") <= LIMIT


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "whatever"])
async def test_an_encoding_that_cannot_be_undone_is_named(
    downloader: OutputDownloader, site: Site, target: Path, encoding: str
) -> None:
    site.script = [gives(PICTURE, f"Content-Encoding: {encoding}")]

    with pytest.raises(OutputRefused, match=encoding):
        await downloader.download(site.url, target, limit=LIMIT)


@pytest.mark.parametrize("cut", [5, 200])
async def test_a_compressed_body_that_ends_early_is_fetched_again(
    downloader: OutputDownloader, site: Site, target: Path, cut: int
) -> None:
    """Nobody announces its length."""
    packed, head = gzip.compress(os.urandom(9_000)), "200 OK\r\nContent-Encoding: gzip"
    site.script = [says(head, packed[:-cut]), says(head, packed)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == gzip.decompress(packed)
    assert len(site.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(
    downloader: OutputDownloader, site: Site, target: Path, status: int
) -> None:
    site.script = [sends_on("/elsewhere", status), gives(PICTURE)]

    await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE
    assert site.requests[1].startswith("GET /elsewhere ")


async def test_three_redirects_are_followed_and_a_fourth_is_not(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [*3 * [sends_on("/on")], gives(PICTURE)]
    await downloader.download(site.url, target, limit=LIMIT)

    site.script, site.requests = [sends_on("/on")], []
    with pytest.raises(OutputRefused, match="redirects"):
        await downloader.download(site.url, target, limit=LIMIT)

    assert content_of(target) == PICTURE
    assert len(site.requests) == 4


async def test_a_redirect_leads_nowhere_that_is_not_listed(
    downloader: OutputDownloader, site: Site, stranger: Site, target: Path
) -> None:
    site.script = [sends_on(stranger.url)]

    with pytest.raises(OutputRefused, match=f"{stranger.host}.*HELIOGRAPH_PROVIDER_HOSTS"):
        await downloader.download(site.url, target, limit=LIMIT)

    assert stranger.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://metadata.internal/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/output",
        "gopher://127.0.0.1/_GET",
    ],
)
async def test_a_redirect_to_somewhere_inside_is_refused_at_once(
    downloader: OutputDownloader, site: Site, target: Path, location: str
) -> None:
    site.script = [sends_on(location)]

    with pytest.raises(OutputRefused):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1
    assert content_of(target) is None


async def test_a_redirect_carries_no_credentials(
    downloader: OutputDownloader, site: Site, target: Path
) -> None:
    site.script = [sends_on(f"http://user:secret@{site.host}/output")]

    with pytest.raises(OutputRefused):
        await downloader.download(site.url, target, limit=LIMIT)

    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [300, 302, 304])
async def test_a_redirect_to_nowhere_is_refused(
    downloader: OutputDownloader, site: Site, target: Path, status: int
) -> None:
    site.script = [responds(status)]

    with pytest.raises(OutputRefused):
        await downloader.download(site.url, target, limit=LIMIT)


async def test_a_host_that_is_not_listed_is_not_even_called(
    downloader: OutputDownloader, stranger: Site, target: Path
) -> None:
    with pytest.raises(OutputRefused, match=stranger.host):
        await downloader.download(stranger.url, target, limit=LIMIT)

    assert stranger.connections == 0


@pytest.mark.parametrize("userinfo", ["user:secret", "user", "v3.fal.media", ":secret"])
async def test_an_address_with_credentials_is_refused_uncalled(
    downloader: OutputDownloader, site: Site, target: Path, userinfo: str
) -> None:
    site.script = [gives(PICTURE)]

    with pytest.raises(OutputRefused):
        await downloader.download(f"http://{userinfo}@{site.host}/output", target, limit=LIMIT)

    assert site.connections == 0
