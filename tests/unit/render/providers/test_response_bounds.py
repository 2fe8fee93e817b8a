"""Responses with outputs inside are read up to a bound, and not many large ones at once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.render.providers.http_errors import MalformedResponse
from services.render.providers.no_retry_transport import (
    LARGE_AT_ONCE,
    MAX_OUTPUTS,
    MAX_RESPONSE,
    WITH_OUTPUTS,
    may_have_outputs,
    send_once,
)
from tests.support.timeouts import TIMEOUT

_CHUNK = bytes(2**20)


class Sender(httpx.AsyncBaseTransport):
    """Sends responses of some MiB, the last of which waits until it is let go."""

    def __init__(self, mebibytes: int) -> None:
        self._mebibytes = mebibytes
        self.begun = 0
        self.large = 0  #: answers beyond the usual bound that are being read
        self.most = 0
        self.may_end = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.begun += 1
        return httpx.Response(200, content=self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for number in range(self._mebibytes):
            if number == MAX_RESPONSE // len(_CHUNK) + 1:  # the one before was taken
                self.large += 1
                self.most = max(self.most, self.large)
                await self.may_end.wait()
            yield _CHUNK
        self.large -= 1


def _question() -> httpx.Request:
    return httpx.Request("GET", "https://there.example/result", **WITH_OUTPUTS)


@pytest.mark.parametrize("mebibytes", [9, 90])
async def test_an_answer_with_a_picture_inside_is_read(mebibytes: int) -> None:
    sender = Sender(mebibytes)
    sender.may_end.set()

    response = await send_once(sender, _question(), MAX_OUTPUTS, asyncio.Semaphore(1))

    assert len(response.content) == mebibytes * 2**20


@pytest.mark.parametrize(("mebibytes", "limit"), [(97, MAX_OUTPUTS), (9, MAX_RESPONSE)])
async def test_an_answer_beyond_its_bound_is_not(mebibytes: int, limit: int) -> None:
    sender = Sender(mebibytes)
    sender.may_end.set()

    with pytest.raises(MalformedResponse, match="larger than"):
        await send_once(sender, _question(), limit, asyncio.Semaphore(1))


async def test_large_answers_take_turns_and_small_ones_do_not_wait_for_them() -> None:
    sender, turns = Sender(10), asyncio.Semaphore(LARGE_AT_ONCE)
    asking = [send_once(sender, _question(), MAX_OUTPUTS, turns) for _ in range(LARGE_AT_ONCE + 3)]
    tasks = [asyncio.create_task(each) for each in asking]
    async with asyncio.timeout(TIMEOUT):
        while sender.begun < len(tasks) or sender.large < LARGE_AT_ONCE:
            await asyncio.sleep(0)
        small = await send_once(Sender(1), _question(), MAX_OUTPUTS, turns)
        sender.may_end.set()
        responses = await asyncio.gather(*tasks)

    assert len(small.content) == 2**20
    assert {len(response.content) for response in responses} == {10 * 2**20}
    assert sender.most == LARGE_AT_ONCE


def test_only_responses_with_outputs_may_be_large() -> None:
    assert may_have_outputs(_question())
    assert not may_have_outputs(httpx.Request("GET", "https://there.example/status"))
