"""A query is answered, or refused with a problem; whoever asks hears in any case, of any release."""

from typing import Any, ClassVar
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from heliograph.contracts.errors import NotFound, Unavailable
from heliograph.contracts.queries import JobQuery, Query
from heliograph.contracts.queries.errors import ERROR, ErrorReply
from heliograph.contracts.tolerant_reader import Tolerant
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.queries import RemoteProblem


class Echo(Tolerant):
    text: str


class Repeat(Query[Echo]):
    subject: ClassVar[str] = f"query.test.{uuid4().hex}"

    text: str


class Name(JobQuery[Echo]):
    subject: ClassVar[str] = f"query.test.{uuid4().hex}.*"


def _refusing(error: Exception) -> Any:
    async def handle(_: Repeat) -> Echo:
        raise error

    return handle


async def test_a_query_is_answered_with_its_reply(bus: NatsBus) -> None:
    async def handle(query: Repeat) -> Echo:
        return Echo(text=2 * query.text)

    serving = await bus.serve(Repeat, handle, group="test")
    reply = await bus.request(Repeat(text="ho"))
    await serving.unsubscribe()

    assert reply == Echo(text="hoho")


async def test_the_subject_of_a_query_about_a_job_says_which(bus: NatsBus) -> None:
    """Release 0.1 sends no body with it."""

    async def handle(query: Name) -> Echo:
        return Echo(text=query.job)

    serving = await bus.serve(Name, handle)
    reply = await bus.request(Name(job="job_1"))
    bare = await bus.client.request(Name(job="job_2").address, b"", timeout=10)
    await serving.unsubscribe()

    assert reply.text == "job_1"
    assert Echo.model_validate_json(bare.data).text == "job_2"


async def test_a_refusal_is_the_problem_of_the_other_service(bus: NatsBus) -> None:
    serving = await bus.serve(Repeat, _refusing(NotFound("no echo here")))
    with pytest.raises(RemoteProblem, match="no echo here") as refusal:
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()

    problem = refusal.value.problem(instance="/v1/echo")
    assert (problem.code, problem.status, problem.instance) == ("not_found", 404, "/v1/echo")


async def test_what_another_service_cannot_do_now_is_unavailable_here_too(bus: NatsBus) -> None:
    serving = await bus.serve(Repeat, _refusing(Unavailable("behind the log", retry_after=3)))
    with pytest.raises(Unavailable, match="behind the log") as error:
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()

    assert error.value.retry_after == 3


@pytest.mark.parametrize("body", [b"garbage", b"{}", b"[]", b'{"text": 1}'])
async def test_a_malformed_query_is_refused_at_once(bus: NatsBus, body: bytes) -> None:
    serving = await bus.serve(Repeat, _refusing(AssertionError("it was read")))
    reply = await bus.client.request(Repeat.subject, body, timeout=10)
    await serving.unsubscribe()

    assert (reply.headers or {})[ERROR] == "unreadable"
    assert ErrorReply.model_validate_json(reply.data).problem.code == "unreadable"


@pytest.mark.parametrize(
    "subject",
    ["$KV.quotas.{}", "events.demo.{}", "queue.shots.normal.demo.{}", "requests.{}", "_INBOXES.{}"],
)
async def test_no_answer_goes_where_it_would_be_stored_or_acted_on(
    bus: NatsBus, subject: str
) -> None:
    """Whoever asks names the subject of the reply, and NATS does not check whether it may."""
    asked: list[str] = []
    target = subject.format(uuid4().hex)

    async def handle(query: Repeat) -> Echo:
        asked.append(query.text)
        return Echo(text=query.text)

    heard = await bus.client.subscribe(target)
    serving = await bus.serve(Repeat, handle)
    await bus.client.publish(Repeat.subject, b'{"text": "attack"}', reply=target)
    reply = await bus.request(Repeat(text="honest"))
    await serving.unsubscribe()

    assert reply.text == "honest"
    assert asked == ["honest"]
    assert heard.pending_msgs == 0
    await heard.unsubscribe()


async def test_a_bug_of_a_handler_is_an_error_reply(bus: NatsBus) -> None:
    serving = await bus.serve(Repeat, _refusing(ValueError("a bug")))
    with pytest.raises(RemoteProblem) as refusal:
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()

    assert refusal.value.remote_code == "internal"


async def test_a_reply_that_no_message_can_hold_is_refused(bus: NatsBus) -> None:
    async def handle(query: Repeat) -> Echo:
        return Echo(text="x" * (bus.client.max_payload + 1))

    serving = await bus.serve(Repeat, handle)
    with pytest.raises(RemoteProblem, match="larger than a message"):
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()


async def test_an_error_of_release_0_1_has_no_header_and_is_one_all_the_same(bus: NatsBus) -> None:
    async def handle(message: Msg) -> None:
        refusal = ErrorReply(problem=NotFound("no echo here").problem())
        await message.respond(refusal.model_dump_json().encode())

    serving = await bus.client.subscribe(Repeat.subject, cb=handle)
    with pytest.raises(RemoteProblem, match="no echo here"):
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()


async def test_a_reply_that_cannot_be_read_has_to_come_again(bus: NatsBus) -> None:
    async def handle(message: Msg) -> None:
        await message.respond(b'{"later": 1}')

    serving = await bus.client.subscribe(Repeat.subject, cb=handle)
    with pytest.raises(Unavailable, match="cannot be read: /text"):
        await bus.request(Repeat(text="x"))
    await serving.unsubscribe()
