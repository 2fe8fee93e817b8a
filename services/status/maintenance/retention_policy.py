"""Retention policy: which ended jobs a project keeps. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from heliograph.contracts.retention import (
    Amount,
    CleanupReport,
    Going,
    Reason,
    Retention,
    Rule,
    Spared,
)
from heliograph.contracts.slots import Restored, current_version
from services.status.read_model.rows import FinishedJob

SHOWN = 100  #: jobs of a report


class PruneItem(NamedTuple):
    """A job to prune."""

    job: FinishedJob
    reason: Reason


class PrunePlan(NamedTuple):
    """Jobs to prune, the oldest first, and counts of those spared."""

    going: list[PruneItem]
    spared: Spared


def choose(
    ended: Sequence[FinishedJob],
    retention: Retention,
    restored: Mapping[str, Restored | None],
    at: datetime,
) -> PrunePlan:
    """
    Choose the ended jobs to prune. `restored` is by slot name.

    A restored version is kept beside those that are kept for being new.
    """
    going: list[PruneItem] = []
    spared: Counter[str] = Counter()
    rules = {kind: retention.of(kind) for kind in {job.kind for job in ended}}
    for job in ended:
        reason = reason_of(rules[job.kind], job, at)
        if reason is None:
            continue
        if is_current(job.version, job.versions, restored.get(job.slot or "")):
            spared["current"] += 1
        elif job.in_use:
            spared["in_use"] += 1
        else:
            going.append(PruneItem(job, reason))
    return PrunePlan(going, Spared(**spared))


def reason_of(rule: Rule, job: FinishedJob, at: datetime) -> Reason | None:
    """The rule by which a job is pruned."""
    since = at - job.finished_at
    if not job.has_result:
        return "failed_days" if _is_over(rule.failed_days, since) else None
    if job.version and rule.versions is not None and job.age >= rule.versions:
        return "versions"
    return "days" if _is_over(rule.days, since) else None


def is_current(version: int | None, versions: int, restored: Restored | None) -> bool:
    """Whether a version of a slot is shown now, or would be if nothing had been restored."""
    return version is not None and version in (versions, current_version(versions, restored))


def report_of(choice: PrunePlan, project: str, *, dry_run: bool) -> CleanupReport:
    """The choice, as people read it."""
    jobs = [job for job, _ in choice.going]
    by_kind: dict[str, list[FinishedJob]] = {}
    for job in jobs:
        by_kind.setdefault(job.kind, []).append(job)
    return CleanupReport(
        **_amount(jobs).model_dump(),
        project=project,
        dry_run=dry_run,
        kinds={kind: _amount(those) for kind, those in sorted(by_kind.items())},
        spared=choice.spared,
        items=[_going(each) for each in choice.going[:SHOWN]],
        more=len(choice.going) > SHOWN,
    )


def _is_over(days: float | None, since: timedelta) -> bool:
    return days is not None and since >= timedelta(days=days)


def _going(chosen: PruneItem) -> Going:
    job, reason = chosen
    return Going(
        id=job.id,
        kind=job.kind,
        slot=job.slot,
        version=job.version,
        reason=reason,
        objects=job.objects,
        bytes=job.bytes,
    )


def _amount(jobs: Sequence[FinishedJob]) -> Amount:
    return Amount(
        jobs=len(jobs),
        objects=sum(job.objects for job in jobs),
        bytes=sum(job.bytes for job in jobs),
    )
