"""Calls to the server end when whoever made them is to stop, whatever the libraries below lose."""

import asyncio
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.runtime.bus.jetstream import JetStream


class _Connection:
    """A connection whose answer comes in the moment in which its caller is canceled."""

    is_connected = True

    async def request(self, subject: str, _: bytes, *, timeout: float, **__: Any) -> Msg:
        loop, caller = asyncio.get_running_loop(), asyncio.current_task()
        reply: asyncio.Future[Msg] = loop.create_future()

        def moment() -> None:
            reply.set_result(Msg(_client=cast("Client", self), subject=subject, data=b"{}"))
            assert caller
            caller.cancel()

        loop.call_soon(moment)
        return await asyncio.wait_for(reply, timeout)  # as nats-py does


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost() -> None:
    jetstream = JetStream(cast("Client", _Connection()))
    call = asyncio.create_task(jetstream.request("a.question", b"", timeout=5))

    with pytest.raises(asyncio.CancelledError):
        await call
