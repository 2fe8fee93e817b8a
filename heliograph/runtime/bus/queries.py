"""Request and reply between services: typed queries, and the problems that they are refused with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, MaxPayloadError
from pydantic import BaseModel

from heliograph.contracts.errors import HeliographError, Unavailable, Unreadable
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries import Query, Reply
from heliograph.contracts.queries.errors import ErrorReply, is_error
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.bus.replies import may_reply

log = structlog.get_logger()

AnyQuery = TypeVar("AnyQuery", bound=Query[Any])


class RemoteProblem(HeliographError):
    """Another service refused a query; its problem is the reply."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self._problem = problem

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        return self._problem.model_copy(update={"instance": instance, "trace_id": trace_id})

    @property
    def remote_code(self) -> str:
        """The `code` of the problem."""
        return self._problem.code


async def send_query(jetstream: JetStream, query: Query[Reply], *, timeout: float) -> Reply:
    """
    Ask another service. `timeout` is seconds.

    Raises:
        RemoteProblem: The other service refuses the query.
        Unavailable: The other service does not reply in time, or is not available.
    """
    reply = await jetstream.request(query.address, query.data(), timeout=timeout)
    try:
        if is_error(reply.headers or {}, reply.data):
            raise _error(ErrorReply.model_validate_json(reply.data).problem)
        return query.reply_type().model_validate_json(reply.data)
    except ValueError as error:
        reason = Unreadable.because(error)
        raise Unavailable(f"the reply to {query.address} cannot be read: {reason}") from None


def _error(problem: Problem) -> HeliographError:
    if problem.code == Unavailable.code:
        return Unavailable(problem.detail, retry_after=problem.retry_after)
    return RemoteProblem(problem)


async def serve_query(
    jetstream: JetStream,
    query: type[AnyQuery],
    handler: Callable[[AnyQuery], Awaitable[BaseModel]],
    *,
    group: str = "",
) -> Subscription:
    """
    Serve a query from now on: with a reply, or a problem. Queries are handled concurrently. One whose
    reply would not go to an inbox is skipped.

    Args:
        group: One process of a group replies; none: every process that serves it.

    Raises:
        Unavailable: NATS does not respond.
    """
    responding: set[asyncio.Task[None]] = set()

    async def begin(message: Msg) -> None:
        if not may_reply(message):
            jetstream.dead_letters.skip(message.subject, "its reply subject is no inbox")
            return
        task = asyncio.create_task(_respond(jetstream, query, handler, message))
        responding.add(task)
        task.add_done_callback(responding.discard)

    with translated():
        return await jetstream.connection.subscribe(query.subject, queue=group, cb=begin)


async def _respond(
    jetstream: JetStream,
    query: type[AnyQuery],
    handler: Callable[[AnyQuery], Awaitable[BaseModel]],
    message: Msg,
) -> None:
    try:
        await _send(jetstream, message, await _reply(jetstream, query, handler, message))
    except MaxPayloadError:
        log.error("Reply too large", subject=message.subject)
        problem = HeliographError("the reply is larger than a message").problem()
        await _send(jetstream, message, ErrorReply(problem=problem))


async def _reply(
    jetstream: JetStream,
    query: type[AnyQuery],
    handler: Callable[[AnyQuery], Awaitable[BaseModel]],
    message: Msg,
) -> BaseModel:
    """The handler's reply, or an error reply."""
    try:
        body = query.read(message.subject, message.data)
    except ValueError as error:
        unreadable = Unreadable.because(error)
        jetstream.dead_letters.skip(message.subject, str(unreadable))
        return ErrorReply(problem=unreadable.problem())
    try:
        return await handler(body)
    except HeliographError as error:
        return ErrorReply(problem=error.problem())
    except Exception:
        log.exception("Query handler failed", subject=message.subject)
        return ErrorReply(problem=HeliographError().problem())


async def _send(jetstream: JetStream, message: Msg, reply: BaseModel) -> None:
    """Raises MaxPayloadError. A lost reply is requested again by the caller."""
    if not message.reply:
        return
    headers = reply.headers() if isinstance(reply, ErrorReply) else None
    try:
        await jetstream.connection.publish(
            message.reply, reply.model_dump_json().encode(), headers=headers
        )
    except MaxPayloadError:
        raise
    except (Error, ConnectionError) as error:
        log.warning("Reply not sent", subject=message.subject, reason=str(error))
