"""Item results of a bulk request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.contracts.batches import Outcome
from heliograph.contracts.errors import HeliographError, SlotBusy
from heliograph.contracts.problems import FieldError, Problem, relocate
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.job_view import JobPresenter
from services.gateway.jobs.acceptance import AcceptResult


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """Result of one item."""

    outcome: Outcome
    entry: LogEntry | None = None  #: of the job that the item stands for
    problem: Problem | None = None


def outcome_of(acceptance: AcceptResult) -> Outcome:
    """The item outcome for an accept result."""
    if acceptance.replayed:
        return "replayed"
    return "deduplicated" if acceptance.deduplicated else "accepted"


def problem_at(place: str, error: HeliographError) -> Problem:
    """The problem of a part of a request; its pointers begin at the request's root."""
    problem = error.problem()
    detail, named = relocate(problem.detail, problem.errors, lambda pointer: place + pointer)
    if not named:
        whole = f"{place}/slot" if isinstance(error, SlotBusy) else place
        named = [FieldError(pointer=whole, detail=problem.detail)]
    return problem.model_copy(update={"detail": detail, "errors": named})


async def present(items: Sequence[ItemResult], presenter: JobPresenter) -> list[dict[str, Any]]:
    """The items as JSON, with their jobs as a list of jobs shows them."""
    entries = [item.entry for item in items if item.entry]
    jobs = iter(await presenter.jobs([(entry.record, entry.sequence) for entry in entries]))
    return [
        {
            "index": index,
            "outcome": item.outcome,
            "job": next(jobs) | _marked(item) if item.entry else None,
            "problem": item.problem.model_dump(mode="json") if item.problem else None,
        }
        for index, item in enumerate(items)
    ]


def _marked(item: ItemResult) -> dict[str, Any]:
    return {"deduplicated": item.outcome == "deduplicated"}
