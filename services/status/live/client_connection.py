"""Connection of one live client: its frames, its subscriptions, and why it is closed."""

import asyncio
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from heliograph.contracts.close_codes import (
    COME_BACK_LATER,
    FORBIDDEN,
    NOT_TEXT,
    POLICY_VIOLATION,
    TOO_SLOW,
    UNAUTHENTICATED,
)
from heliograph.contracts.errors import (
    HeliographError,
    InsufficientScope,
    NotFound,
    ServiceError,
    StateConflict,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from heliograph.contracts.live_frames import CLIENT_FRAME, Auth, Ping, Subscribe, Unsubscribe
from services.status.live.authentication import ClientAuthentication, require_subscription
from services.status.live.client_limits import ClientLimits
from services.status.live.frames import error_text
from services.status.live.send_queue import SendQueue, SendQueueMemory
from services.status.live.subscription import Subscription, SubscriptionFactory

log = structlog.get_logger()

MAX_SUBSCRIPTIONS = 100
MAX_FRAMES = 50  #: from a client, a second
MAX_MISTAKES = 3  #: in a row
_SEND_TIMEOUT = 30.0  #: seconds for a client to take what is taken from its queue at once


def close_code(error: HeliographError) -> int:
    """Close code of a connection that is refused as a whole."""
    match error:
        case Unauthenticated():
            return UNAUTHENTICATED
        case ServiceError():
            return COME_BACK_LATER
    return FORBIDDEN


class ClientConnection:
    """Lifetime of one client connection."""

    def __init__(
        self,
        socket: WebSocket,
        client: ClientAuthentication,
        subscribing: SubscriptionFactory,
        admission: ClientLimits,
        memory: SendQueueMemory,
    ) -> None:
        self._socket = socket
        self._client = client
        self._subscribing = subscribing
        self._admission = admission
        self._send_queue = SendQueue(memory)
        self._subscriptions: dict[int, Subscription] = {}
        self._joining: dict[int, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()  #: one subscription at a time is brought up to date
        self._dismissed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._mistakes = 0
        self._second, self._frames = 0.0, 0

    async def run(self) -> int | None:
        """Returns the close code for a client that is disconnected."""
        talking: set[asyncio.Future[int | None]] = {
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._send_loop()),
            asyncio.create_task(self._confirm_loop()),
            self._dismissed,
        }
        try:
            done, _ = await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            waiting: list[asyncio.Future[Any]] = [*talking, *self._joining.values()]
            for each in waiting:
                each.cancel()
            for id_ in list(self._subscriptions):
                self._end(id_)
            self._send_queue.close()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _dismiss(self, code: int) -> None:
        """Close the connection."""
        if not self._dismissed.done():
            self._dismissed.set_result(code)

    async def _confirm_loop(self) -> int:
        """Returns the close code for a client whose key or ticket is not valid, or is no more."""
        try:
            await self._client.confirm_forever()
        except (Unauthenticated, Unavailable) as error:
            return close_code(error)

    async def _send_loop(self) -> int | None:
        """Send what there is. Returns the close code for a client that does not keep up."""
        try:
            while True:
                frames = await self._send_queue.take()
                async with asyncio.timeout(_SEND_TIMEOUT):  # one for each frame costs as much as it
                    for frame in frames:
                        self._client.confirm()
                        await self._socket.send_text(frame)
                if self._send_queue.overflowed:
                    return TOO_SLOW
        except TimeoutError:
            return TOO_SLOW
        except (Unauthenticated, Unavailable) as error:
            return close_code(error)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return None

    async def _listen(self) -> int | None:
        """Handle the frames of the client. Returns the close code for a client to disconnect."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            if message.get("text") is None:
                return NOT_TEXT
            if self._is_flooding():
                return POLICY_VIOLATION
            try:
                await self._handle(message["text"])
                self._mistakes = 0
            except (Unauthenticated, Unavailable) as error:
                return close_code(error)
            except HeliographError as error:
                self._send_error(None, error)
                self._mistakes += 1
                if self._mistakes >= MAX_MISTAKES:
                    return POLICY_VIOLATION

    def _is_flooding(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        self._frames += 1
        return self._frames > MAX_FRAMES

    async def _handle(self, text: str) -> None:
        try:
            frame = CLIENT_FRAME.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValidationFailed(f"not a frame of this protocol: {first['msg']}") from None
        match frame:
            case Ping():
                self._send_queue.put('{"op":"pong"}')
            case Auth():
                await self._client.read_ticket(frame)
            case Subscribe():
                self._subscribe(frame)
            case Unsubscribe():
                await self._unsubscribe(frame.id)

    def _subscribe(self, request: Subscribe) -> None:
        try:
            require_subscription(self._client.principal, request)
        except (NotFound, InsufficientScope) as refused:
            self._send_error(request.id, refused)
            return
        if request.id in self._subscriptions:
            self._send_error(
                request.id, StateConflict(f"there is a subscription {request.id} already")
            )
        elif len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            error = StateConflict(f"at most {MAX_SUBSCRIPTIONS} subscriptions per connection")
            self._send_error(request.id, error)
        else:
            self._admission.subscriptions.acquire(request.project)
            subscription = self._subscribing(request, self._send_queue)
            self._subscriptions[request.id] = subscription
            self._joining[request.id] = asyncio.create_task(self._join(request.id, subscription))

    async def _join(self, id_: int, subscription: Subscription) -> None:
        try:
            async with self._turn:
                await subscription.run()
        except ServiceError as error:  # it passes: the client comes back, and resumes
            log.warning("Subscription timed out", reason=str(error))
            self._dismiss(COME_BACK_LATER)
        except HeliographError as error:
            if self._subscriptions.get(id_) is subscription:
                self._end(id_)
            self._send_error(id_, error)
        except Exception as error:
            log.exception("Subscription failed", exc_info=error)
            self._dismiss(COME_BACK_LATER)
        finally:
            self._joining.pop(id_, None)

    def _end(self, id_: int) -> None:
        subscription = self._subscriptions.pop(id_, None)
        if subscription:
            subscription.stop()
            self._admission.subscriptions.release(subscription.project)

    async def _unsubscribe(self, id_: int) -> None:
        joining = self._joining.pop(id_, None)
        if joining:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
        self._end(id_)

    def _send_error(self, id_: int | None, error: HeliographError) -> None:
        self._send_queue.put(error_text(id_, error.problem().model_dump(mode="json")))
