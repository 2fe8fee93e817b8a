"""In-memory answer spool: nothing of it outlives its process."""

from collections.abc import Sequence

from services.render.worker.response_spool import Answer, KeptAnswer, MemoryAnswer


class MemorySpool:
    """`AnswerSpool` in memory."""

    async def keep(self, answer: Answer, contents: Sequence[bytes]) -> KeptAnswer:
        return MemoryAnswer(answer, contents)

    async def abandoned(self) -> list[KeptAnswer]:
        return []
