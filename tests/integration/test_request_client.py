"""A request has its own reply, in time, or an error that says why it has none."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.request_client import RequestClient
from tests.support.servers import Server


@pytest.fixture
async def connection(nats: Server) -> AsyncIterator[Connection]:
    connection = Connection(nats.settings, "test")
    await connection.open()
    yield connection
    await connection.close()


@pytest.fixture
def client(connection: Connection) -> RequestClient:
    return connection.client


@pytest.fixture
async def echo(client: RequestClient) -> str:
    """A subject on which whatever is asked is answered with itself, and with its headers."""
    subject = f"test.{uuid4().hex}"

    async def respond(message: Msg) -> None:
        await client.publish(message.reply, message.data, headers=message.headers)

    await client.subscribe(subject, cb=respond)
    return subject


async def test_each_of_many_requests_at_once_has_its_own_reply(
    client: RequestClient, echo: str
) -> None:
    questions = [str(number).encode() for number in range(500)]

    replies = await asyncio.gather(*(client.request(echo, each, timeout=60) for each in questions))

    assert [reply.data for reply in replies] == questions


async def test_headers_go_and_come(client: RequestClient, echo: str) -> None:
    reply = await client.request(echo, b"", timeout=60, headers={"ce-id": "7"})

    assert reply.headers == {"ce-id": "7"}


@pytest.mark.parametrize(
    "lines",
    [
        b"ce-id: 7\r\nNats-Subject: events.p.j\r\n\r\n",
        b"tight:7\r\ntab:\t7\r\nwide  :  a b  \r\n\r\n",
        b"time: 10:00:00\r\nempty:\r\nblank: \r\n\r\n",
        "umlaut: ä\u00a0\r\nname-ä: 7\r\n\r\n".encode(),
        b"broken: \xff7\r\nhalf: \xc3\r\nnext: 7\r\n\r\n",
        b"two words: 7\r\nno colon\r\nlone\nfeed: 7\r\nvalue: a\nb: c\r\n\r\n",
        b"again: 1\r\nagain: 2\r\n\r\n",
        b"\r\n",
    ],
)
def test_headers_are_read_as_the_library_reads_them(lines: bytes) -> None:
    assert RequestClient._parse_header_lines(lines) == Client._parse_header_lines(lines)


async def test_a_subject_without_listeners_is_known_at_once(client: RequestClient) -> None:
    with pytest.raises(NoRespondersError):
        await client.request(f"test.{uuid4().hex}", timeout=60)


async def test_a_listener_that_says_nothing_is_waited_for_so_long(client: RequestClient) -> None:
    subject = f"test.{uuid4().hex}"
    await client.subscribe(subject)
    began = asyncio.get_running_loop().time()

    with pytest.raises(NatsTimeout):
        await client.request(subject, timeout=0.2)

    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_of_two_replies_the_first_counts(client: RequestClient, echo: str) -> None:
    subject = f"test.{uuid4().hex}"

    async def respond_twice(message: Msg) -> None:
        await client.publish(message.reply, b"first")
        await client.publish(message.reply, b"second")

    await client.subscribe(subject, cb=respond_twice)

    assert (await client.request(subject, timeout=60)).data == b"first"
    assert (await client.request(echo, b"next", timeout=60)).data == b"next"


async def _asked(client: RequestClient) -> tuple[asyncio.Task[Msg], asyncio.Future[Msg], str]:
    """A request that was received: its task, the reply that it waits for, and where that is sent."""
    subject = f"test.{uuid4().hex}"
    listener = await client.subscribe(subject)
    asking = asyncio.create_task(client.request(subject, timeout=60))
    question = await listener.next_msg(timeout=60)
    [reply] = client._replies.values()
    return asking, reply, question.reply


async def test_a_reply_is_handed_over_where_it_is_read(client: RequestClient) -> None:
    asking, reply, inbox = await _asked(client)

    await client._process_msg(0, inbox.encode(), b"", b"answer", b"")

    assert reply.done()
    assert (await asking).data == b"answer"


async def test_a_cancellation_that_comes_with_the_reply_is_not_lost(client: RequestClient) -> None:
    asking, reply, inbox = await _asked(client)

    await client.publish(inbox, b"answer")
    while not reply.done():
        await asyncio.sleep(0)
    asking.cancel()  # it has not resumed yet

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_request_that_is_begun_is_sent_at_once_behind_what_waits(
    client: RequestClient, echo: str
) -> None:
    await client.request(echo, timeout=60)
    earlier = asyncio.create_task(client.request(echo, b"earlier", timeout=60))
    await asyncio.sleep(0)  # it is written down, and not sent

    reply = client.begin_request(echo, b"begun", 60)

    assert reply
    assert not client._pending
    assert [(await each).data for each in (earlier, reply)] == [b"earlier", b"begun"]


async def test_a_request_that_is_begun_has_no_reply_in_time(
    client: RequestClient, echo: str
) -> None:
    await client.request(echo, timeout=60)
    subject = f"test.{uuid4().hex}"
    await client.subscribe(subject)

    reply = client.begin_request(subject, b"", 0.1)

    assert reply
    with pytest.raises(NatsTimeout):
        await reply


async def test_no_request_is_begun_without_a_connection() -> None:
    assert RequestClient().begin_request("test", b"", 60) is None


async def test_a_flush_that_was_given_up_ends_no_connection(
    client: RequestClient, echo: str
) -> None:
    giving_up = asyncio.create_task(client.flush())
    while not client._pongs:
        await asyncio.sleep(0)
    giving_up.cancel()

    await asyncio.gather(giving_up, return_exceptions=True)
    await client.flush()

    assert (await client.request(echo, b"still here", timeout=60)).data == b"still here"
    assert client.stats["reconnects"] == 0


async def test_requests_go_on_after_the_connection_was_closed_and_made_anew(
    nats: Server,
) -> None:
    client = RequestClient()
    subject = f"test.{uuid4().hex}"

    async def respond(message: Msg) -> None:
        await message.respond(b"here")

    for _ in range(2):
        await client.connect(nats.settings.nats_login)
        await client.subscribe(subject, cb=respond)

        assert (await client.request(subject, timeout=60)).data == b"here"

        await client.close()
