"""
Job permits: which jobs count against a quota, kept for all gateways in one entry each (a semaphore).

A job takes its permit before it is accepted, so that there are never more than the quota allows. It is
not given back: once none is left, a gateway that needs one checks which jobs no longer need theirs.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cachetools import LRUCache

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.jobs import FindJobStates
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.queries import RemoteProblem
from heliograph.runtime.bus.stream_configs import QUOTAS
from heliograph.runtime.clock import now
from heliograph.runtime.own_error import own_error

State = Literal["in_flight", "queued"]
_OPEN: Mapping[State, frozenset[str]] = {
    "in_flight": frozenset({"queued", "running"}),
    "queued": frozenset({"queued"}),
}  #: statuses in which a job needs its permit
_ACCEPTED_WITHIN = 60.0  #: seconds from a permit to the job; then it was given up
_LOOK_INTERVAL = 0.2  #: seconds between two looks at the jobs of one entry
_KNOWN = 10_000  #: entries that a gateway remembers
_WRITTEN = 200  #: entries whose holders it remembers, of which each has up to 1,000
_TIMEOUT = 2.0  #: seconds for the reply of status
_DECIDE_WITHIN = 5.0  #: seconds for one entry to be written, however often others are faster
_MOST_WAITING = 10_000  #: jobs that wait for permits of one entry in a gateway

Holders = dict[str, float]  #: since when each job has its permit, in seconds since 1970
Granted = Collection[str] | None  #: jobs that have a new permit; None: there are too few


@dataclass
class _Claim:
    jobs: Collection[str]
    limit: int
    granted: asyncio.Future[Granted]


@dataclass
class _Entry:
    """An entry as this process uses it: its claims are written together."""

    claims: list[_Claim] = field(default_factory=list)
    serving: asyncio.Task[None] | None = None
    waiting: int = 0  #: jobs of the claims that are not decided
    looked_at: float = float("-inf")  #: on the clock of the event loop


class JobPermits:
    """
    Permits in the bucket `quotas`: key `<holder>.<state>`, value `{holders}`.

    Args:
        decide_within: Seconds for an entry to be written. Defaults to 5.
    """

    def __init__(
        self,
        jetstream: JetStream,
        request: RequestReply,
        *,
        decide_within: float = _DECIDE_WITHIN,
    ) -> None:
        self._bucket = KeyValue(jetstream, QUOTAS)
        self._request = request
        self._decide_within = decide_within
        self._entries: LRUCache[str, _Entry] = LRUCache(_KNOWN)
        #: what this process wrote last, and its revision
        self._written: LRUCache[str, tuple[Holders, int]] = LRUCache(_WRITTEN)

    async def acquire(
        self, holder: str, state: State, jobs: Collection[str], limit: int
    ) -> Granted:
        """
        Permits for jobs, for all or none. Returns the jobs that had none before; a caller releases only
        those. None: there are too few.

        Raises:
            Unavailable: The jobs may or may not hold permits; or too many callers wait, and they hold none.
        """
        key = f"{holder}.{state}"
        entry = self._entries.setdefault(key, _Entry())
        if entry.waiting + len(jobs) > _MOST_WAITING:
            raise Unavailable("too many jobs wait for permits of one quota", retry_after=1)
        claim = _Claim(jobs, limit, asyncio.get_running_loop().create_future())
        entry.claims.append(claim)
        if entry.serving is None or entry.serving.done():
            entry.serving = asyncio.create_task(self._serve(key, state, entry))
        entry.waiting += len(jobs)
        try:
            return await claim.granted
        finally:
            entry.waiting -= len(jobs)

    async def release(self, holder: str, state: State, jobs: Collection[str]) -> None:
        """Release the permits of jobs that were not accepted. Raises Unavailable."""

        def without(value: dict[str, Any]) -> dict[str, Any]:
            return {"holders": {j: at for j, at in _holders(value).items() if j not in jobs}}

        await self._bucket.change(f"{holder}.{state}", without)

    async def _serve(self, key: str, state: State, entry: _Entry) -> None:
        """Serve requests until none is left. Those that arrive during a write are written together."""
        while entry.claims:
            claims, entry.claims = entry.claims, []
            await self._grant(key, state, entry, claims)

    async def _grant(self, key: str, state: State, entry: _Entry, claims: list[_Claim]) -> None:
        try:
            granted = await self._decide_in_time(key, state, entry, claims)
        except Exception as error:  # noqa: BLE001  # each of them is told
            for claim in claims:
                if not claim.granted.done():
                    claim.granted.set_exception(own_error(error))
        else:
            for claim, jobs in zip(claims, granted, strict=True):
                if not claim.granted.done():
                    claim.granted.set_result(jobs)

    async def _decide_in_time(
        self, key: str, state: State, entry: _Entry, claims: list[_Claim]
    ) -> list[Granted]:
        """Raises Unavailable: others are faster each time, or the server does not respond."""
        try:
            async with asyncio.timeout(self._decide_within):
                return await self._decide(key, state, entry, claims)
        except TimeoutError:
            detail = "the permits of a quota could not be written in time"
            raise Unavailable(detail, retry_after=1) from None

    async def _decide(
        self, key: str, state: State, entry: _Entry, claims: list[_Claim]
    ) -> list[Granted]:
        """
        Result for each request, once it is written. The entry that this process wrote last is tried first:
        the compare tells whether it is current. A refusal is decided by an entry that was read.
        """
        if granted := await self._decide_by_written(key, claims):
            return granted
        while True:
            stored = await self._bucket.read(key)
            before = _holders(stored.readable)
            holders, granted = _granted(before, claims)
            if None in granted:
                kept = await self._still_needed(before, state, entry)
                holders, granted = _granted(kept, claims)
            if holders == before:
                return granted
            if await self._write(key, holders, stored.revision):
                return granted

    async def _decide_by_written(self, key: str, claims: list[_Claim]) -> list[Granted] | None:
        """Decide by the entry that this process wrote last. None: it has to be read."""
        written = self._written.pop(key, None)
        if written is None:
            return None
        before, revision = written
        holders, granted = _granted(before, claims)
        if None in granted or holders == before:
            return None
        return granted if await self._write(key, holders, revision) else None

    async def _write(self, key: str, holders: Holders, seen: int) -> bool:
        """Write an entry. False: another process was faster."""
        try:
            revision = await self._bucket.write(key, {"holders": holders}, seen)
        except Conflict:
            return False
        self._written[key] = (holders, revision)
        return True

    async def _still_needed(self, holders: Holders, state: State, entry: _Entry) -> Holders:
        """Holders without the jobs that no longer need their permit. If that is unknown, all keep theirs."""
        clock = asyncio.get_running_loop().time
        if clock() - entry.looked_at < _LOOK_INTERVAL:
            return holders
        entry.looked_at = clock()
        try:
            states = await self._request(FindJobStates(jobs=[*holders]), timeout=_TIMEOUT)
        except (Unavailable, RemoteProblem):
            return holders
        return needed(holders, states.statuses, state, _time())


def _granted(holders: Holders, claims: Collection[_Claim]) -> tuple[Holders, list[Granted]]:
    return grant(holders, [(each.jobs, each.limit) for each in claims], _time())


def grant(
    holders: Holders, claims: Collection[tuple[Collection[str], int]], at: float
) -> tuple[Holders, list[Granted]]:
    """The holders after claims of jobs, each with its limit, in their order; and what each is granted."""
    after = dict(holders)
    granted: list[Granted] = []
    for jobs, limit in claims:
        new = [job for job in jobs if job not in after]
        fits = not new or len(after) + len(new) <= limit
        granted.append(new if fits else None)
        if fits:
            after |= dict.fromkeys(new, at)
    return after, granted


def needed(holders: Holders, statuses: Mapping[str, str], state: State, at: float) -> Holders:
    """
    The holders that need their permit still.

    Args:
        statuses: Of the jobs that are there.
    """

    def is_needed(job: str, since: float) -> bool:
        status = statuses.get(job)
        return at - since < _ACCEPTED_WITHIN if status is None else status in _OPEN[state]

    return {job: since for job, since in holders.items() if is_needed(job, since)}


def _holders(value: Mapping[str, Any]) -> Holders:
    return {str(job): float(since) for job, since in value.get("holders", {}).items()}


def _time() -> float:
    return round(now().timestamp(), 1)
