"""
Look-ups ahead: whether a job that is about to be accepted is known, read while its request is still being checked.

A known job must hold nothing more, so a commit of a new job alone needs to know that the job has no event, as of the
budget record that it compares. A look-up that began when this process knew that record says so: whoever accepted
the job after it has replaced the record, and the compare fails.
"""

from typing import NamedTuple

from cachetools import LRUCache

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import BegunRead, JetStream

_PROJECTS = 1_000  #: whose last look-up is remembered


class _LookUp(NamedTuple):
    job: str
    record: int
    last: BegunRead


class LookUpsAhead:
    """The last look-up of each project: nobody needs more, because a job alone is accepted at a time."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream
        self._latest: LRUCache[str, _LookUp] = LRUCache(_PROJECTS)

    def begin(self, project: str, job: str, record: int) -> None:
        """
        Ask for the last event of a job, where that can be sent at once.

        Args:
            record: Sequence of the budget record that this process knows.
        """
        if last := self._jetstream.begin_last(STREAM, subjects.event(project, job)):
            self._latest[project] = _LookUp(job, record, last)

    async def is_known(self, project: str, job: str, record: int) -> bool | None:
        """Whether the job has an event, as of a budget record. None: this was not asked, or not answered."""
        look_up = self._latest.pop(project, None)
        if look_up is None or (look_up.job, look_up.record) != (job, record):
            return None
        try:
            return await look_up.last.result() is not None
        except Unavailable:
            return None
