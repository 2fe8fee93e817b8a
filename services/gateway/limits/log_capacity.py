"""
Back-pressure (backpressure): new jobs are rejected above the event log's high watermark.

What is above it is left for the events of running jobs.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.log_budget import bytes_to_come, share, size_of_event
from heliograph.contracts.queries.log_usage import GetLogUsage, LogUsage
from heliograph.contracts.records import Record
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.event_log import STREAM, last_event
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.queries import RemoteProblem
from services.gateway.limits.metrics import show_log, show_stream

log = structlog.get_logger()

_INTERVAL = 1.0  #: seconds
_TIMEOUT = 1.0  #: seconds for the reply of status
_COUNTED_AFTER = 5.0  #: seconds in which a job that was admitted is certainly in the log, or never

#: streams that need room before a job is accepted, by the names that operators know
_NEEDED = {"WORK": "the backlog", "KV_slots": "the table of slots"}

_NO_USAGE = LogUsage(sequence=0, reserve=0, projects={})


class _SinceRefresh(NamedTuple):
    """Bytes that were admitted between two looks, by project, and where the log ended then."""

    at: float
    head: int
    admitted: Counter[str]


class EventLogCapacity:
    """
    The free room in the streams that jobs need.

    Admission to the event log counts the bytes that are there, those that accepted jobs still need until
    their end, and those that were admitted a moment ago. So only new jobs are ever refused, and running
    jobs can end. No project gets more than half of what the others leave free.

    Args:
        high_watermark: Part of a stream that may be in use, 0 to 1.
    """

    def __init__(
        self, jetstream: JetStream, request: RequestReply, *, high_watermark: float
    ) -> None:
        self._jetstream = jetstream
        self._request = request
        self._high_watermark = high_watermark
        self._parts: Mapping[str, float] = {}
        self._used = 0
        self._limit: int | None = None  #: bytes; None before the first look
        self._usage = _NO_USAGE
        self._lately: deque[_SinceRefresh] = deque([_SinceRefresh(0.0, 0, Counter())])

    async def watch(self) -> None:
        """Refresh the counts at an interval. Runs until canceled."""
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL)

    async def look(self) -> None:
        """Query the server and status. Raises Unavailable; then the last figures stay in use."""
        self._parts = {name: await self._part(name) for name in _NEEDED}
        info = await self._jetstream.api(f"STREAM.INFO.{STREAM}")
        state, at = info["state"], asyncio.get_running_loop().time()
        head = await last_event(self._jetstream, state)
        self._lately.append(_SinceRefresh(at, head, Counter()))
        self._used = int(state["bytes"])
        self._limit = int(self._high_watermark * info["config"]["max_bytes"])
        try:
            self._usage = await self._request(GetLogUsage(), timeout=_TIMEOUT)
        except (Unavailable, RemoteProblem) as error:
            log.debug("Log usage by project unknown", reason=str(error))
        show_log(info, self._usage.reserve)
        self._forget(at)

    async def _part(self, stream: str) -> float:
        info = await self._jetstream.api(f"STREAM.INFO.{stream}")
        part = float(info["state"]["bytes"] / info["config"]["max_bytes"])
        show_stream(stream, part)
        return part

    def _forget(self, at: float) -> None:
        """Drop admissions that status has counted by now."""
        while len(self._lately) > 1:
            following = self._lately[1]
            is_counted = self._usage.sequence >= following.head
            if not is_counted or at - following.at < _COUNTED_AFTER:
                return
            self._lately.popleft()

    def check(self) -> None:
        """Raises QueueFull when new jobs must wait, whatever they are."""
        for stream, used in self._parts.items():
            if used >= self._high_watermark:
                raise QueueFull(f"{_NEEDED[stream]} is {used:.0%} full", retry_after=60)
        if self._limit is not None and self._taken() >= self._limit:
            raise QueueFull("the event log is full", retry_after=60)

    def admit(self, records: Collection[Record]) -> None:
        """Count first records of one project, all or none. Raises QueueFull."""
        if self._limit is None or not records:
            return
        project = next(iter(records)).project
        needed = sum(map(_whole_life, records))
        taken, own = self._taken(), self._taken_by(project)
        if taken + needed > self._limit:
            raise QueueFull("the event log has no room for the whole job", retry_after=60)
        if own + needed > share(self._limit, max(0, taken - own)):
            detail = "the project has its share of the event log: half of what others leave free"
            raise QueueFull(detail, retry_after=60)
        self._lately[-1].admitted[project] += needed

    def release(self, record: Record) -> None:
        """Release the room of a first record that was not written."""
        if self._limit is not None:
            self._lately[-1].admitted[record.project] -= _whole_life(record)

    def _taken(self) -> int:
        lately = sum(each.admitted.total() for each in self._lately)
        return self._used + self._usage.reserve + lately

    def _taken_by(self, project: str) -> int:
        lately = sum(each.admitted[project] for each in self._lately)
        return self._usage.projects.get(project, 0) + lately


def _whole_life(record: Record) -> int:
    """Bytes of a job from its acceptance to its end."""
    size = size_of_event(record)
    return size + bytes_to_come(record, size)
