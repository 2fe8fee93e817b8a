"""
A storm: clients that submit, cancel, watch and come back, while whatever runs is killed.

Everything random comes from one seed. Time does not: two storms of one seed are alike, not equal.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from heliograph.runtime.bus.log_entries import LogEntry
from tests.chaos.faults import Breaker, Fault, InFlight
from tests.chaos.inline_provider import LONG, MODEL, InlineProvider
from tests.chaos.journal import Journal, SentRequest, cancel, submit, watch
from tests.chaos.quiescence import read_log, until_quiet
from tests.chaos.servers import Servers
from tests.support.clocks import WallClock
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

KINDS = ("image", "portrait", "cast_ref", "shot", "scenes")
_LOOK_AGAIN = 0.3  #: seconds

FAULTS = ("rate_limited", "unavailable", "found_reply", "lost_reply", "policy", "flaky_download")


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """How bad it is."""

    seed: int
    jobs: int
    projects: int
    watchers: int
    faults: Sequence[Fault]  #: in any order
    pause: tuple[float, float]  #: seconds between two faults
    kinds: Sequence[str] = KINDS  #: as often as they are named
    converge: float = TIMEOUT  #: seconds for all jobs to end after the last fault
    flood: int = 0  #: jobs that one more project asks for at once
    inline: float = 0.0  #: share of jobs whose provider answers with their pictures


@dataclass
class Storm:
    """One storm over a running stack."""

    stack: Stack
    plan: FaultPlan
    servers: Servers | None = None
    clock: WallClock | None = None
    provider: InlineProvider | None = None  #: of the inline jobs
    journal: Journal = field(default_factory=Journal)
    converged: float = 0.0  #: seconds from the last fault's end to rest

    def __post_init__(self) -> None:
        self._rng = random.Random(self.plan.seed)
        self._plans: dict[str, dict[str, Any]] = {}  #: at that provider, by prompt
        self._projects = [some_project() for _ in range(self.plan.projects)]
        #: of each watcher: a client knows only what it saw itself
        self._watched = [Journal() for _ in range(self.plan.watchers)]

    async def rage(self) -> None:
        """Until the last fault is over and every accepted job has ended."""
        watching = [
            asyncio.create_task(self._watch(number, journal))
            for number, journal in enumerate(self._watched)
        ]
        try:
            await asyncio.gather(*map(self._set_budget, self._projects))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._submit_all())
                group.create_task(self._flood())
                group.create_task(self._break_things())
            healed = asyncio.get_running_loop().time()
            await until_quiet(self.stack, self.plan.converge)
            self.converged = asyncio.get_running_loop().time() - healed
            async with asyncio.timeout(self.plan.converge):
                await self._until_all_seen(await read_log(self.stack))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            for journal in self._watched:
                self.journal.seen += journal.seen
                self.journal.reconnects += journal.reconnects

    async def _set_budget(self, project: str) -> None:
        """One that is never used up: what is asked is whether its balances are right afterwards."""
        async with self.stack.client(project) as client:
            await client.set_budget(day="1000", month="1000", total="1000")

    def _project_of(self, watcher: int) -> str:
        return self._projects[watcher % len(self._projects)]

    async def _watch(self, number: int, journal: Journal) -> None:
        rng = random.Random(self.plan.seed * 1000 + number)
        await watch(self.stack, self._project_of(number), journal, rng)

    # -- clients

    async def _submit_all(self) -> None:
        """Requests all through the storm; some twice at once, some canceled soon after."""
        span = len(self.plan.faults) * sum(self.plan.pause) / 2
        async with asyncio.TaskGroup() as group:
            for number in range(self.plan.jobs):
                request = self._request(number)
                clicks = 2 if self._rng.random() < 0.2 else 1
                for _ in range(clicks):
                    again = SentRequest(request.project, request.key, request.body)
                    self.journal.requests.append(again)
                    group.create_task(self._send(again, self._rng.random() < 0.12))
                await asyncio.sleep(span / self.plan.jobs)

    async def _flood(self) -> None:
        """One project asks for many texts as fast as it can; nobody else may notice."""
        project, places = some_project(), asyncio.Semaphore(8)

        async def send(number: int) -> None:
            body = {"kind": "scenes", "prompt": f"flood {number}", "parameters": {"seconds": 0}}
            request = SentRequest(project, f"flood-{number}", body)
            self.journal.requests.append(request)
            async with places:
                await submit(self.stack, request)

        async with asyncio.TaskGroup() as group:
            for number in range(self.plan.flood):
                group.create_task(send(number))

    async def _send(self, request: SentRequest, then_cancel: bool) -> None:
        if self.provider and (plan := self._plans.get(request.body["prompt"])):
            await self.provider.plan(request.body["prompt"], **plan)
        await submit(self.stack, request)
        if then_cancel and request.job:
            await cancel(self.stack, request.job)

    def _request(self, number: int) -> SentRequest:
        rng = self._rng
        if self.provider and rng.random() < self.plan.inline:
            return self._inline_request(f"key-{number}")
        parameters: dict[str, Any] = {"price": "0.01", "seconds": rng.choice([0, 0.2, 0.5, 1.5])}
        is_twin = rng.random() < 0.2  # the same prompt and seed as others, in any project
        parameters["seed"] = 7 if is_twin else number
        if rng.random() < 0.3:
            parameters["fault"] = rng.choice(FAULTS)
        kind = rng.choice(self.plan.kinds)
        body: dict[str, Any] = {
            "kind": kind,
            "prompt": "storm twin" if is_twin else f"storm {number}",
            "parameters": parameters,
            "on_ambiguous": {"action": "fail"},
        }
        if rng.random() < 0.1:
            deadline = datetime.now(UTC) + timedelta(seconds=rng.uniform(0.5, 6))
            body["finish_by"] = deadline.isoformat()
        if rng.random() < 0.3:
            body["slot"] = f"{kind}/{rng.randrange(6)}"
        return SentRequest(rng.choice(self._projects), f"key-{number}", body)

    def _inline_request(self, key: str, **plan: Any) -> SentRequest:
        """For pictures that come with the response, which takes seconds, and is lost at times."""
        rng, prompt = self._rng, f"storm inline {key}"
        loss = "drop" if rng.random() < 0.1 else None
        self._plans[prompt] = {"seconds": rng.uniform(1, 5), "loss": loss, **plan}
        body: dict[str, Any] = {
            "kind": rng.choice(("image", "portrait")),
            "model": MODEL,
            "prompt": prompt,
            "parameters": {"num_images": rng.choice([1, 1, 2])},
            "on_ambiguous": {"action": "fail"},
        }
        if rng.random() < 0.1:
            deadline = datetime.now(UTC) + timedelta(seconds=rng.uniform(0.5, 6))
            body["finish_by"] = deadline.isoformat()
        return SentRequest(rng.choice(self._projects), key, body)

    async def _ask_inline(self) -> None:
        """One more request whose answer takes long, for a fault that needs it in flight."""
        request = self._inline_request(f"more-{len(self._plans)}", seconds=LONG, loss=None)
        self.journal.requests.append(request)
        await self._send(request, then_cancel=False)

    # -- faults

    async def _break_things(self) -> None:
        """One after the other begins; those that last end when they end."""
        faults = self._rng.sample(self.plan.faults, len(self.plan.faults))
        breaker = Breaker(
            self.stack,
            random.Random(self.plan.seed),
            self.journal,
            self.servers,
            self.clock,
            InFlight(self.provider, self._ask_inline) if self.provider else None,
        )
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(self._rng.uniform(*self.plan.pause))
                if fault.sort == "garbage":
                    fault = Fault("garbage", self._rng.choice(self._projects))
                self.journal.faults.append(str(fault))
                group.create_task(breaker.break_(fault))

    # -- afterwards

    async def _until_all_seen(self, log: list[LogEntry]) -> None:
        """Until every watcher has come back and read to the end."""
        last = {each.body.project: each.sequence for each in log}
        for number, journal in enumerate(self._watched):
            while not _has_seen(journal, last[self._project_of(number)]):
                await asyncio.sleep(_LOOK_AGAIN)


def _has_seen(journal: Journal, sequence: int) -> bool:
    latest = journal.seen[-1] if journal.seen else None
    return latest is not None and max([latest.after, *latest.sequences]) >= sequence
