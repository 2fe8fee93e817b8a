"""Requests are read in one way only: what two parsers might read differently is refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from heliograph.runtime.http.strict_protocol import MAX_HEAD
from heliograph.runtime.settings import ServiceSettings
from tests.support.http_server import served_as_services
from tests.support.timeouts import TIMEOUT

HOST = b"Host: boats.example\r\n"
GET = b"GET /boats HTTP/1.1\r\n" + HOST
POST = b"POST /boats HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A service that answers with what it understood of a request."""
    app = FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"Argo", b"Pequod"]))

    @app.get("/early")
    @app.post("/early")
    async def early() -> str:
        return "early"

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def understood(request: Request) -> dict[str, object]:
        body = await request.body()
        return {
            "path": request.url.path,
            "body": body.decode(),
            "headers": dict(request.headers.items()),
        }

    async with served_as_services(app, ServiceSettings()) as port:
        yield port


async def _responses(port: int, *pieces: bytes) -> bytes:
    """All that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(TIMEOUT):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        responses = await reader.read()
    writer.close()
    return responses


def _understood(responses: bytes) -> list[dict[str, object]]:
    """What the service understood of each request."""
    return list(_objects(responses.decode()))


def _objects(text: str) -> Iterator[dict[str, object]]:
    for start in (
        number for number, letter in enumerate(text) if text.startswith('{"path"', number)
    ):
        yield json.JSONDecoder().raw_decode(text, start)[0]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", id="two lengths"
        ),
        pytest.param(
            POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", id="one length, twice"
        ),
        pytest.param(GET + b"Upgrade: h2\x0bc\r\n\r\n", id="a control character in an offer"),
        pytest.param(POST + b"Content-Length: 3, 3\r\n\r\nabc", id="a list of lengths"),
        pytest.param(POST + b"Content-Length: +3\r\n\r\nabc", id="a length with a sign"),
        pytest.param(POST + b"Content-Length: 0x3\r\n\r\nabc", id="a length in another base"),
        pytest.param(POST + b"Content-Length: %d\r\n\r\nabc" % 2**64, id="a length that wraps"),
        pytest.param(
            POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            id="chunks and length",
        ),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="two codings"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="chunks of chunks",
        ),
        pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\n", id="identity"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="xchunked"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", id="space and colon"),
        pytest.param(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="chunks of 1.0"
        ),
        pytest.param(GET + b"X-A: a\r\n b\r\n\r\n", id="folded header"),
        pytest.param(b"GET / HTTP/1.1\r\n X-A: a\r\n" + HOST + b"\r\n", id="folded first header"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", id="lines that end with LF"),
        pytest.param(GET + b"X-A: a\nX-B: b\r\n\r\n", id="one line that ends with LF"),
        pytest.param(GET + b"X-A: a\rX-B: b\r\n\r\n", id="CR in a header"),
        pytest.param(GET + b"X-A: a\0b\r\n\r\n", id="NUL in a header"),
        pytest.param(GET + b"X-A\0: a\r\n\r\n", id="NUL in a name"),
        pytest.param(CHUNKED + b"3\nabc\n0\n\n", id="chunks that end with LF"),
        pytest.param(CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", id="a chunk of negative size"),
        pytest.param(CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", id="a chunk with 0x"),
        pytest.param(CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", id="a size and a space"),
        pytest.param(CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", id="a chunk longer than it says"),
        pytest.param(CHUNKED + b"F" * 17 + b"\r\nabc\r\n0\r\n\r\n", id="a size that wraps"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", id="two hosts"),
        pytest.param(b"GET http://other.example/ HTTP/1.1\r\n" + HOST + b"\r\n", id="whole URL"),
        pytest.param(b"CONNECT other.example:80 HTTP/1.1\r\n" + HOST + b"\r\n", id="CONNECT"),
        pytest.param(b"CONNECT /boats HTTP/1.1\r\n" + HOST + b"\r\n", id="CONNECT to a path"),
        pytest.param(b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", id="fragment"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", id="target in UTF-8"),
        pytest.param(b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", id="two spaces"),
        pytest.param(b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", id="a tab"),
        pytest.param(b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", id="empty line"),
        pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", id="HTTP/1.2"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
    ],
)
async def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_read(
    port: int, request_: bytes
) -> None:
    responses = await _responses(port, request_ + LAST)

    assert responses.startswith(REFUSED)
    assert responses.count(b"HTTP/1.1 ") == 1


async def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    requests = [
        b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /3 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
        b"8\r\na\r\n\r\nbcd\r\n5;b=c\r\n0\r\n\r\n\r\n0\r\n\r\n",
        b"GET /4 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"GET /5 HTTP/1.1\r\n" + HOST + b"\r\n",
    ]

    understood = _understood(await _responses(port, b"".join(requests)))

    assert [(each["path"], each["body"]) for each in understood] == [
        ("/1", "abc"),
        ("/2", ""),
        ("/3", "a\r\n\r\nbcd0\r\n\r\n"),
        ("/4", ""),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
async def test_requests_are_the_same_in_whatever_pieces_they_come(port: int, size: int) -> None:
    whole = (
        CHUNKED
        + b"4\r\n\r\n\r\n\r\n0\r\nX-T: 1\r\n\r\n"
        + POST
        + b"Content-Length: 4\r\n\r\n\r\n\r\n"
        + CHUNKED
        + b"0\r\n\r\n"
        + LAST
    )

    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    requests = _understood(await _responses(port, *pieces))

    assert [each["body"] for each in requests] == ["\r\n\r\n", "\r\n\r\n", "", ""]


async def test_a_chunk_full_of_empty_lines_is_read_as_fast_as_any(port: int) -> None:
    lines = b"\r\n\r\n" * 50_000
    request = b"POST /boats HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(lines), lines)

    [understood, _] = _understood(await _responses(port, request + body + LAST))

    assert len(str(understood["body"])) == len(lines)


async def test_trailers_are_no_headers_of_any_request(port: int) -> None:
    request = CHUNKED + b"3\r\nabc\r\n0\r\nAuthorization: stolen\r\n\r\n"

    requests = _understood(await _responses(port, request + LAST))

    assert len(requests) == 2
    assert not any("authorization" in str(each["headers"]) for each in requests)


async def test_values_of_headers_have_no_space_around_them(port: int) -> None:
    [understood] = _understood(
        await _responses(port, GET + b"Connection: close\r\nX-A: \t a b \t\r\n\r\n")
    )

    assert understood["headers"] == {"host": "boats.example", "connection": "close", "x-a": "a b"}


async def test_an_offer_of_another_protocol_is_ignored_with_its_body_read(port: int) -> None:
    """As the HTTP client of Java offers HTTP/2 with its first request."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n"

    requests = _understood(
        await _responses(
            port, POST + offer + b"Content-Length: 21\r\n\r\nGET /boats HTTP/1.1\r\n" + LAST
        )
    )

    assert [(each["path"], each["body"]) for each in requests] == [
        ("/boats", "GET /boats HTTP/1.1\r\n"),
        ("/last", ""),
    ]


@pytest.mark.parametrize("end", [b"\r\n\r\n", b""], ids=["whole", "begun"])
async def test_a_head_is_bounded(port: int, end: bytes) -> None:
    begun = GET + b"X-A: "

    responses = await _responses(port, begun + b"a" * (MAX_HEAD + 1 - len(begun)) + end)

    assert responses.startswith(b"HTTP/1.1 431 ")


async def test_the_longest_head_is_taken(port: int) -> None:
    begun = GET + b"Connection: close\r\nX-A: "

    responses = await _responses(port, begun + b"a" * (MAX_HEAD - len(begun)) + b"\r\n\r\n")

    assert responses.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"3;", b"3\r\nabc\r\n0\r\nX-T: "], ids=["extension", "trailer"])
async def test_what_surrounds_chunks_is_bounded(port: int, begun: bytes) -> None:
    pieces = [b"a" * 1000] * (2 * MAX_HEAD // 1000)

    try:
        responses = await _responses(port, CHUNKED + begun, *pieces)
    except ConnectionError:  # it was closed while more was being sent
        return

    assert responses.startswith(REFUSED)


async def test_a_malformed_body_after_its_answer_only_closes(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /early HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n")
    async with asyncio.timeout(TIMEOUT):
        await reader.readuntil(b'"early"')
        writer.write(b"abcd\r\n0\r\n\r\n")
        rest = await reader.read()
    writer.close()

    assert rest == b""


async def test_a_client_of_http_1_0_gets_no_chunks(port: int) -> None:
    responses = await _responses(port, b"GET /stream HTTP/1.0\r\n\r\n")

    head, _, body = responses.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"ArgoPequod"


async def test_a_body_is_asked_for_when_it_is_wanted(port: int) -> None:
    responses = await _responses(
        port,
        POST + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"abc",
    )

    assert responses.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
