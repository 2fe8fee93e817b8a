"""
Response spool: outputs that came inside a response, until storage has them.

They are paid for, and exist nowhere else.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from pydantic import Field

from heliograph.contracts.attempts import Bill
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.tolerant_reader import Tolerant


class NoRoom(Exception):
    """The spool cannot take another response: it is full, or the disk is."""


class InlineResponse(Tolerant):
    """Response of one attempt, as it is spooled."""

    project: str
    job: str
    run: int
    outputs: list[Output]
    sizes: list[int]  #: bytes of the outputs that came inside, in order
    charged: Charged
    bill: Bill | None = None
    answer: str | None = None
    detail: str | None = None
    withheld: list[Withheld] = Field(default_factory=list)


class KeptResponse(Protocol):
    """A response that this process is responsible for."""

    response: InlineResponse

    def contents(self) -> AsyncIterator[tuple[str, bytes]]:
        """Digest and bytes of the outputs that came inside, one after the other."""

    def remove(self) -> None:
        """Storage has the outputs, and the log has the event."""

    def release(self) -> None:
        """Release the response to another round or another process."""


class ResponseSpool(Protocol):
    """Response spool of this process."""

    async def keep(self, response: InlineResponse, contents: Sequence[bytes]) -> KeptResponse:
        """Raises NoRoom. Returns when a crash of the machine does not lose it any more."""

    async def abandoned(self) -> list[KeptResponse]:
        """Adopt the responses of dead processes."""


class MemoryResponse:
    """`KeptResponse` that nothing but this process has."""

    def __init__(self, response: InlineResponse, contents: Sequence[bytes]) -> None:
        self.response = response
        self._contents = contents

    async def contents(self) -> AsyncIterator[tuple[str, bytes]]:
        for content in self._contents:
            yield hashlib.sha256(content).hexdigest(), content

    def remove(self) -> None:
        """Do nothing: nothing is stored."""

    def release(self) -> None:
        """There is no other process."""
