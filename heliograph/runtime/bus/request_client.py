"""
Request client: a NATS client whose requests cost one future and one timer, and its headers one pass.

nats-py waits for a reply with `asyncio.wait_for`, which takes two more rounds of the event loop for each, and
in Python 3.11 loses a cancellation that comes in the same moment as the reply (python/cpython#86296). It also
hands each reply to a task of its subscription by a queue, which takes one round more.
"""

import asyncio
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.protocol.command import pub_cmd

_NO_RESPONDERS = "503"
_BLANK = " \t\n\r\v\f"  #: ASCII only: other blanks are part of a value


class RequestClient(Client):
    """A client of nats-py with requests of its own. All else is nats-py's."""

    def __init__(self) -> None:
        super().__init__()
        self._inbox = ""  #: of all replies; each has a number there
        self._requests = 0
        self._replies: dict[str, asyncio.Future[Msg]] = {}  #: that are waited for, by number

    async def connect(self, *arguments: Any, **options: Any) -> None:
        """Connect as nats-py does. A closed client has lost its subscriptions."""
        self._inbox = ""
        await super().connect(*arguments, **options)

    async def _process_pong(self) -> None:
        """
        Take the reply to a PING. One that nobody waits for any more is dropped: nats-py fails with it, and
        connects anew.
        """
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """
        The headers of a message, as nats-py reads them, which looks at each letter of each name: that took
        a tenth of the time of a process that only listens.
        """
        headers: dict[str, str] = {}
        for line in raw.decode(errors="replace").split("\r\n"):
            name, colon, value = line.partition(":")
            name = name.strip(_BLANK)
            if colon and name.isascii() and len(name.split()) == 1:
                headers[name] = value.strip(_BLANK)
        return headers

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,
        old_style: bool = False,
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """
        The reply to a request, which may take `timeout` seconds.

        Raises:
            NoRespondersError: Nobody listens on the subject.
            nats.errors.TimeoutError: There was no reply in time.
        """
        if old_style:
            return await super().request(subject, payload, timeout, old_style, headers)
        if not self._inbox:
            self._inbox = self.new_inbox()
            await self.subscribe(f"{self._inbox}.*")
        number, reply, timer = self._expect(timeout)
        try:
            await self.publish(subject, payload, f"{self._inbox}.{number}", headers)
            message = await reply
        finally:
            timer.cancel()
            del self._replies[number]
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            raise NoRespondersError
        return message

    def begin_request(
        self, subject: str, payload: bytes, timeout: float
    ) -> asyncio.Future[Msg] | None:
        """
        Send a request now, in this round of the event loop, behind all that waits to be sent. Returns its reply
        to come, which is a `nats.errors.TimeoutError` after `timeout` seconds; None where it cannot be sent at once.
        """
        transport = self._transport
        if not (self._inbox and self.is_connected and isinstance(transport, TcpTransport)):
            return None
        number, reply, timer = self._expect(timeout)

        def end(_: asyncio.Future[Msg]) -> None:
            timer.cancel()
            del self._replies[number]
            if not reply.cancelled():
                reply.exception()  # it is nobody's, where the reply is not needed any more

        reply.add_done_callback(end)
        self._pending.append(pub_cmd(subject, f"{self._inbox}.{number}", payload))
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(payload)
        transport.writelines(self._pending)  # type: ignore[no-untyped-call]
        self._pending, self._pending_data_size = [], 0
        return reply

    def _expect(self, timeout: float) -> tuple[str, asyncio.Future[Msg], asyncio.TimerHandle]:
        """The number of one more request, its reply to come, and what ends the wait for that."""
        self._requests += 1
        number, loop = str(self._requests), asyncio.get_running_loop()
        reply: asyncio.Future[Msg] = loop.create_future()
        self._replies[number] = reply
        return number, reply, loop.call_later(timeout, _expire, reply)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        """Hand a reply to whoever waits for it; any other message to its subscription, as nats-py does."""
        inbox, _, number = subject.rpartition(b".")
        if not self._inbox or inbox != self._inbox.encode():
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        waiting = self._replies.get(number.decode())
        # the first reply counts; one that comes too late does not
        if waiting and not waiting.done():
            read = await self._process_headers(headers)
            waiting.set_result(self._build_message(sid, subject, reply, data, read))


def _expire(reply: asyncio.Future[Msg]) -> None:
    if not reply.done():
        reply.set_exception(NatsTimeout())
