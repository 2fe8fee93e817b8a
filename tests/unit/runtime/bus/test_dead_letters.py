"""Dead letters: noted once, and again by the next reader where the server did not take the note."""

import asyncio

import pytest

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.dead_letters import DeadLetterWriter
from heliograph.runtime.bus.jetstream_errors import ApiError


class Server:
    """A server that replies to every note with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.asked = 0

    async def publish(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        self.asked += 1
        raise self._error


async def noted_twice(error: Exception) -> int:
    """How often the server is asked when two readers meet one unreadable message."""
    server = Server(error)
    writer = DeadLetterWriter(server.publish)
    for _ in range(2):
        before = asyncio.all_tasks()
        writer.note("EVENTS", 7, "events.demo.job", b"garbage", "no JSON")
        await asyncio.gather(*(asyncio.all_tasks() - before))
    return server.asked


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("NATS does not answer"),
        ApiError({"code": 400, "err_code": 10109, "description": "stream is sealed"}),
    ],
)
async def test_a_note_that_the_server_refuses_is_written_by_the_next_reader(
    error: Exception,
) -> None:
    assert await noted_twice(error) == 2


async def test_a_note_that_another_process_has_written_is_not_written_again() -> None:
    lost = ApiError({"code": 400, "err_code": 10071, "description": "wrong last sequence"})
    assert await noted_twice(lost) == 1
