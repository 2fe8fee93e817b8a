"""Other services that requests go to, as far as a test needs them."""

from typing import cast

from pydantic import BaseModel

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries import Query, Reply
from heliograph.runtime.bus import REQUEST_TIMEOUT


async def no_reply(query: Query[Reply], *, timeout: float = REQUEST_TIMEOUT) -> Reply:
    """`RequestReply` where nobody answers."""
    raise Unavailable("nobody answers")


class Replies:
    """`RequestReply` with the same answer to everything."""

    def __init__(self, reply: BaseModel) -> None:
        self._reply = reply

    async def __call__(self, query: Query[Reply], *, timeout: float = REQUEST_TIMEOUT) -> Reply:
        return cast(Reply, self._reply)
