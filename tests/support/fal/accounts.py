"""Accounts and their requests: how far each is follows from the clock, so nothing runs meanwhile."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from tests.support.emulation.account_store import Account
from tests.support.fal.plans import Plan

Stage = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


@dataclass(eq=False)
class FalRequest:
    """An accepted request."""

    endpoint: str
    body: dict[str, Any]
    headers: dict[str, str]
    webhook: str | None
    plan: Plan
    id: str = field(default_factory=lambda: str(uuid4()))
    accepted_at: float = field(default_factory=time.time)
    starts_at: float = math.inf
    stopped_at: float | None = None  #: by a cancel

    def report(self) -> dict[str, Any]:
        """What tests may know of it."""
        named = ("id", "endpoint", "body", "headers", "webhook")
        return {name: getattr(self, name) for name in named} | {"prompt": self.body.get("prompt")}

    @property
    def app(self) -> str:
        """Owner and alias: what its own addresses are made of."""
        return "/".join(self.endpoint.split("/")[:2])

    @property
    def ends_at(self) -> float:
        if self.stopped_at is not None:
            return self.stopped_at
        return self.starts_at + (math.inf if self.plan.hangs else self.plan.seconds)

    def stage(self, at: float) -> Stage:
        if at >= self.ends_at:
            return "COMPLETED"
        return "IN_PROGRESS" if at >= self.starts_at else "IN_QUEUE"

    def stop(self, at: float) -> None:
        """A cancel; a running request may finish all the same."""
        if self.stage(at) == "IN_QUEUE" or not self.plan.finishes_anyway:
            self.stopped_at = at

    def log(self, at: float) -> list[dict[str, str]]:
        """The last lines of what was written by now."""
        part = min(1.0, (at - self.starts_at) / self.plan.seconds) if self.plan.seconds else 1.0
        written = range(max(1, math.ceil(part * self.plan.logs))) if self.plan.logs else range(0)
        return [self._line(number) for number in written][-self.plan.window :]

    def _line(self, number: int) -> dict[str, str]:
        share = number / self.plan.logs
        at = self.starts_at + share * self.plan.seconds
        return {
            "message": f"{int(100 * share)}%|{'#' * number} step {number}",
            "level": "INFO",
            "source": "USER",
            "timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
        }


@dataclass
class FalAccountState(Account[Plan]):
    """All that belongs to one key."""

    changeable = frozenset(
        {"concurrency", "retention", "storage_troubles", "files_gone", "calls_back"}
    )

    plan_type: type[Plan] = Plan
    concurrency: int = 1000  #: requests that render at once
    retention: float = 3600.0  #: seconds that results are kept
    requests: list[FalRequest] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)  #: the life that each file was to have
    calls_back: bool = True  #: where a request says that it wants to be told of its end
    files_gone: bool = False  #: whether what its models made is no longer given out
    storage_troubles: list[str] = field(default_factory=list)  #: instead of taking them

    def accept(self, request: FalRequest) -> None:
        self.requests.append(request)
        self.accepted.append(request.report())
        self.schedule(request.accepted_at)

    def report(self) -> dict[str, Any]:
        return super().report() | {"uploads": self.uploads}

    def find(self, request_id: str, app: str, at: float) -> FalRequest | None:
        """A request by its address, unless it was forgotten."""
        for request in self.requests:
            if request.id == request_id and request.app == app:
                return None if self._is_forgotten(request, at) else request
        return None

    def schedule(self, at: float) -> None:
        """Give the places that are free to those that wait, first come, first served."""
        started = [r for r in self.requests if r.starts_at <= at or r.stopped_at is not None]
        free = sorted(r.ends_at for r in started if r.ends_at > at)
        for request in self.requests:
            if request in started:
                continue
            earliest = request.accepted_at + request.plan.queued
            if len(free) >= self.concurrency:
                earliest = max(earliest, free.pop(0))
            request.starts_at = earliest
            free = sorted([*free, request.ends_at])

    def position(self, request: FalRequest, at: float) -> int:
        waiting = [r for r in self.requests if r.stage(at) == "IN_QUEUE"]
        return waiting.index(request)

    def _is_forgotten(self, request: FalRequest, at: float) -> bool:
        if request.stopped_at is not None and request.plan.forgets_canceled:
            return True
        return at > request.ends_at + self.retention
