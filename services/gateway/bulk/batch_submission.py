"""Submission of a batch, and the errors of its items. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heliograph.contracts.batches import BatchItem, BatchProblem, BatchRequest
from heliograph.contracts.errors import HeliographError, ValidationFailed
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Record
from heliograph.contracts.user_digests import user_digest
from heliograph.runtime.budgets.job_budgets import PlanHolder
from services.gateway.bulk.items import problem_at
from services.gateway.bulk.plans import Plan
from services.gateway.idempotency import RequestIdentity, identify_request

Drafts = dict[int, Record]  #: first records that were checked, by item


class BatchRejected(HeliographError):
    """Some requests of a batch are refused, so no job was created."""

    def __init__(self, refused: Mapping[int, HeliographError]) -> None:
        self.refused = refused
        [(index, first), *others] = refused.items()
        count = "is another" if len(others) == 1 else f"are {len(others)} others"
        rest = f"; so {count}" if others else ""
        super().__init__(f"job {index} is refused: {first}{rest}")

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        """The problem of the first refused item, with the mistakes of all."""
        first = next(iter(self.refused.values())).problem(instance=instance, trace_id=trace_id)
        problems = {
            index: problem_at(item_pointer(index), error) for index, error in self.refused.items()
        }
        fields = first.model_dump() | {
            "detail": str(self),
            "errors": [each for problem in problems.values() for each in problem.errors],
        }
        items = [BatchItem(index=i, outcome="refused", problem=p) for i, p in problems.items()]
        return BatchProblem(**fields, items=items)


@dataclass(frozen=True, kw_only=True)
class BatchSubmission:
    """A request for a batch, and its identity."""

    project: str
    request: BatchRequest
    key: str | None
    traceparent: str | None
    access_key: str | None
    id: str
    holder: PlanHolder

    @property
    def users(self) -> set[str]:
        """Digests of the users of its jobs."""
        return {user_digest(each.user) for each in self.request.jobs if each.user}

    def identity(self, index: int, plan: Plan | None = None) -> RequestIdentity:
        """The request identity of an item. Without a key, the plan names its job."""
        key = f"{self.key}/{index}" if self.key else None
        own = identify_request(
            self.project, key, traceparent=self.traceparent, access_key=self.access_key
        )
        if key is None and plan:
            own = replace(own, job=plan.jobs[index])
        # the item's job, should it be another one, has to be found again
        return replace(own, is_repeatable=True, batch=self.id)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """Result of checking an item before it is accepted: a record, an error, a job, or nothing."""

    record: Record | None = None  #: the first of its job
    is_deduplicated: bool = (
        False  #: the item stands for the job that is filling its slot, as it looks
    )
    error: HeliographError | None = None  #: why it is refused
    filled_by: str | None = None  #: the job that its slot was taken by in this moment

    @property
    def new(self) -> Record | None:
        """The record, if a new job will be made of it."""
        return None if self.is_deduplicated else self.record


def duplicate_slots(batch: BatchRequest) -> dict[int, HeliographError]:
    """Items that want a slot which an earlier one fills: only one of them could be its version."""
    refused: dict[int, HeliographError] = {}
    first: dict[str, int] = {}
    for index, request in enumerate(batch.jobs):
        if request.slot is None:
            continue
        earlier = first.setdefault(request.slot, index)
        if earlier != index:
            refused[index] = ValidationFailed.at("/slot", f"job {earlier} fills it already")
    return refused


def missing_slots(batch: BatchRequest) -> dict[int, HeliographError]:
    """Items without a slot, for which `only_missing` has no meaning."""
    if not batch.only_missing:
        return {}
    nowhere = [i for i, request in enumerate(batch.jobs) if request.slot is None]
    return {i: ValidationFailed.at("/slot", "only_missing needs a slot") for i in nowhere}


def item_pointer(index: int) -> str:
    """Pointer to an item of the request."""
    return f"/jobs/{index}"
