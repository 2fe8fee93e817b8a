"""In-memory answer spool: nothing of it outlives its process."""

from collections.abc import Sequence

from services.render.worker.response_spool import InlineResponse, KeptResponse, MemoryResponse


class MemorySpool:
    """`ResponseSpool` in memory."""

    async def keep(self, response: InlineResponse, contents: Sequence[bytes]) -> KeptResponse:
        return MemoryResponse(response, contents)

    async def abandoned(self) -> list[KeptResponse]:
        return []
