"""
Look-ups ahead: whether a job that is about to be accepted is known, read while its request is still being checked.

A known job must hold nothing more, so a commit of a new job alone needs to know that the job has no event, as of the
budget record that it compares. A look-up that began when this process knew that record says so: whoever accepted
the job after it has replaced the record, and the compare fails.
"""

import asyncio
from typing import NamedTuple

from cachetools import LRUCache

from heliograph.contracts import subjects
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.stored_messages import Stored

_PROJECTS = 1_000  #: whose last look-up is remembered


class _LookUp(NamedTuple):
    job: str
    record: int
    last: asyncio.Task[Stored | None]


class LookUpsAhead:
    """The last look-up of each project: nobody needs more, because a job alone is accepted at a time."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream
        self._latest: LRUCache[str, _LookUp] = LRUCache(_PROJECTS)

    async def begin(self, project: str, job: str, record: int) -> None:
        """
        Ask for the last event of a job. Returns once it is sent; raises nothing.

        Args:
            record: Sequence of the budget record that this process knows.
        """
        last = asyncio.create_task(self._jetstream.last(STREAM, subjects.event(project, job)))
        last.add_done_callback(_take_error)
        self._latest[project] = _LookUp(job, record, last)
        for _ in range(2):  # rounds of the event loop: it asks, and nats-py's flusher writes
            await asyncio.sleep(0)

    async def is_known(self, project: str, job: str, record: int) -> bool | None:
        """
        Whether the job has an event, as of a budget record. None: this was not asked.

        Raises:
            Unavailable: The log does not respond.
        """
        look_up = self._latest.pop(project, None)
        if look_up is None or (look_up.job, look_up.record) != (job, record):
            return None
        return await look_up.last is not None


def _take_error(last: asyncio.Task[Stored | None]) -> None:
    """It is nobody's, where the request came to no commit."""
    if not last.cancelled():
        last.exception()
