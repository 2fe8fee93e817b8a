"""Server-sent events: `GET /v1/events`, for clients that only listen, such as curl."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from heliograph.contracts.errors import (
    HeliographError,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from heliograph.contracts.ids import JobId, ProjectName
from heliograph.contracts.live_frames import ServerFrame, Subscribe
from heliograph.runtime.http.access import CurrentPrincipal, access_of, needs
from heliograph.runtime.http.openapi import EventStream
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.status.live.authentication import CONFIRM_INTERVAL, require_subscription
from services.status.live.client_limits import ClientLimits
from services.status.live.frames import error_text
from services.status.live.send_queue import SendQueue, SendQueueMemory
from services.status.live.sse_events import LINE_END, as_event, cursor_of
from services.status.live.subscription import SubscriptionFactory

log = structlog.get_logger()

_PING = 15  #: seconds of silence before a keep-alive comment
_SEND_TIMEOUT = 30.0  #: seconds for a client to take what there is


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ServerFrame,
        "description": (
            "Events: `event` is the `op` of a frame, `data` the frame as JSON, `id` the cursor "
            "for resuming"
        ),
    }
}

LastEventId = Annotated[
    str,
    Header(
        alias="Last-Event-ID",
        description="`id` of the last event received; the events after it follow",
    ),
]


class StreamQuery(BaseModel, extra="forbid"):
    """Query of an event stream."""

    project: ProjectName = Field(description="Project whose events are sent", examples=["demo"])
    job: JobId | None = Field(default=None, description="Send only events of this job")
    budget: bool = Field(
        default=False,
        description=(
            "Also send an event when the project's spending reaches a threshold of a limit; needs "
            "`usage:read`"
        ),
    )


def sse_routes(
    subscribing: SubscriptionFactory, admission: ClientLimits, memory: SendQueueMemory
) -> APIRouter:
    """Route of event streams: a live connection with one subscription, for clients that only listen."""
    router = create_router("live")

    @router.get(
        "/events",
        response_class=EventStream,
        responses={**_EVENTS, **problems(NotFound, Unavailable)},
        summary="Follow a project, or a job, as server-sent events",
    )
    @needs("jobs:read", names_jobs=True)
    async def follow_events(
        query: Annotated[StreamQuery, Query()],
        principal: CurrentPrincipal,
        request: Request,
        last_event_id: LastEventId = "",
    ) -> EventSourceResponse:
        subscribe = Subscribe(
            op="subscribe",
            id=0,
            project=query.project,
            jobs=[query.job] if query.job else None,
            after=cursor_of(last_event_id),
            budget=query.budget,
        )
        require_subscription(principal, subscribe)
        with suppress(ServiceError):  # what passes ends the stream: a browser comes back to that
            await subscribing(subscribe, SendQueue()).check_jobs()
        admission.streams.check()
        admission.subscriptions.check(subscribe.project)
        confirm = partial(access_of(request.app).confirm, principal)
        frames = _frames(subscribe, subscribing, admission, memory, confirm)
        return EventSourceResponse(frames, ping=_PING, send_timeout=_SEND_TIMEOUT, sep=LINE_END)

    return router


async def _frames(
    subscribe: Subscribe,
    subscribing: SubscriptionFactory,
    admission: ClientLimits,
    memory: SendQueueMemory,
    confirm: Callable[[], None],
) -> AsyncIterator[ServerSentEvent]:
    """
    Ends when the client does not keep up, or cannot be served: it reconnects, and resumes. Ends also
    when its key is not confirmed any more: then it is told so as it reconnects.
    """
    with admission.streams.permit(), admission.subscriptions.permit(subscribe.project):
        send_queue = SendQueue(memory)
        subscription = subscribing(subscribe, send_queue)
        joining = asyncio.create_task(subscription.run())
        joining.add_done_callback(lambda done: _send_join_error(done, send_queue))
        try:
            while not send_queue.overflowed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CONFIRM_INTERVAL):
                        await send_queue.filled()
                confirm()
                for frame in send_queue.take_now():
                    yield as_event(frame, subscription.epoch)
                    if frame.startswith('{"op":"error"'):
                        return
        except (Unauthenticated, Unavailable):
            return
        finally:
            joining.cancel()
            subscription.stop()
            send_queue.close()


def _send_join_error(joining: "asyncio.Task[None]", send_queue: SendQueue) -> None:
    """Send permanent errors; after a transient one the stream ends, and the client reconnects."""
    error = None if joining.cancelled() else joining.exception()
    if isinstance(error, HeliographError) and not isinstance(error, ServiceError):
        send_queue.put(error_text(0, error.problem().model_dump(mode="json")))
    elif error:
        log.warning("Event stream not served", reason=str(error) or type(error).__name__)
        send_queue.give_up()
