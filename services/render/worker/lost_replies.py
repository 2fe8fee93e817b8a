"""Lost replies: why a submission got no usable response, kept until the request was looked up."""

from cachetools import LRUCache

_KEPT = 1_000  #: reasons; the one of longest ago is forgotten first


class LostReplies:
    """
    The reason for each attempt whose reply was lost in this process, by job and run.

    Another process that takes over the attempt does not know it: then the job says only that the
    outcome is unknown.
    """

    def __init__(self) -> None:
        self._reasons: LRUCache[tuple[str, int], str] = LRUCache(_KEPT)

    def remember(self, job: str, run: int, reason: str) -> None:
        self._reasons[job, run] = reason

    def reason(self, job: str, run: int) -> str | None:
        """Reason why the reply was lost; None if it was not lost in this process."""
        return self._reasons.get((job, run))

    def forget(self, job: str, run: int) -> None:
        self._reasons.pop((job, run), None)
