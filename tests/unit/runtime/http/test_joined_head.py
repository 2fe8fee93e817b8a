"""The head of a response is sent with its body, and never later than in the next round of the event loop."""

import asyncio
from typing import cast

import pytest

from heliograph.runtime.http.joined_head import JoinedHead

HEAD = b"HTTP/1.1 202 \r\n\r\n"


class _Transport:
    """What was sent on a connection, piece by piece."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)


@pytest.fixture
def connection() -> _Transport:
    return _Transport()


@pytest.fixture
def joined(connection: _Transport) -> JoinedHead:
    return JoinedHead(cast(asyncio.Transport, connection))


async def test_a_head_is_sent_with_the_body_that_follows(
    connection: _Transport, joined: JoinedHead
) -> None:
    joined.write(HEAD)
    joined.write(b"body")
    await asyncio.sleep(0)

    assert connection.sent == [HEAD + b"body"]


async def test_a_second_answer_is_joined_like_the_first(
    connection: _Transport, joined: JoinedHead
) -> None:
    for body in (b"one", b"two"):
        joined.write(HEAD)
        joined.write(body)
        joined.expect_head()

    assert connection.sent == [HEAD + b"one", HEAD + b"two"]


async def test_later_pieces_of_a_body_are_sent_at_once(
    connection: _Transport, joined: JoinedHead
) -> None:
    for piece in (HEAD, b"first", b"second"):
        joined.write(piece)

    assert connection.sent == [HEAD + b"first", b"second"]


async def test_a_head_whose_body_is_late_does_not_wait_for_it(
    connection: _Transport, joined: JoinedHead
) -> None:
    joined.write(HEAD)
    await asyncio.sleep(0)
    assert connection.sent == [HEAD]

    joined.write(b"late")
    assert connection.sent == [HEAD, b"late"]


async def test_a_large_body_is_not_copied(connection: _Transport, joined: JoinedHead) -> None:
    body = bytes(2**20)
    joined.write(HEAD)
    joined.write(body)

    assert connection.sent == [HEAD, body]
    assert connection.sent[1] is body


async def test_what_was_written_is_sent_before_the_connection_is_closed(
    connection: _Transport, joined: JoinedHead
) -> None:
    joined.write(HEAD)
    joined.close()
    await asyncio.sleep(0)

    assert (connection.sent, connection.ended) == ([HEAD], "closed")
    assert joined.is_closing()


async def test_nothing_is_sent_on_a_connection_that_is_aborted(
    connection: _Transport, joined: JoinedHead
) -> None:
    joined.write(HEAD)
    joined.abort()
    await asyncio.sleep(0)

    assert (connection.sent, connection.ended) == ([], "aborted")
