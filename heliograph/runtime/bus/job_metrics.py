"""Prometheus metrics of jobs: each event is counted once, by the process that wrote it."""

from decimal import Decimal

from prometheus_client import Counter, Histogram

from heliograph.contracts.errors import Poison
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Marker, Record

_ACCEPTED = Counter("heliograph_jobs_accepted", "Jobs accepted", ["kind", "model"])
_STARTED = Counter(
    "heliograph_jobs_started",
    "Runs started: one per job, and one per retry",
    ["kind", "model"],
)
_FINISHED = Counter(
    "heliograph_jobs_finished", "Jobs that ended, by final state", ["kind", "model", "outcome"]
)
_FAILURES = Counter("heliograph_job_failures", "Jobs that failed, by error code", ["code"])
_FAILURES.labels(Poison.code)  # shown from the start, see `expect_provider`
_SECONDS = Histogram(
    "heliograph_job_seconds",
    "Seconds from acceptance to the final state",
    ["kind", "outcome"],
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
)
_RENDER_SECONDS = Histogram(
    "heliograph_render_seconds",
    "Seconds from the submission of an attempt to its outputs",
    ["provider", "model"],
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
_COST = Counter(
    "heliograph_cost_usd", "US dollars charged by providers, as far as known", ["model"]
)
_AMBIGUOUS = Counter(
    "heliograph_ambiguous_submits",
    "Submissions whose response was lost, and whose request no lookup found",
    ["provider"],
)


def count_event(name: str, before: Record | None, after: Record | Marker) -> None:
    """
    Count an event that was written.

    Args:
        before: The record that the event changed; None for the first event of a job.
    """
    if isinstance(after, Marker):
        return
    _count_step(name, after)
    _count_cost(before, after)


def expect_provider(provider: str) -> None:
    """Show its counter from the start: the increase from nothing to 1 is no increase to Prometheus."""
    _AMBIGUOUS.labels(provider)


def _count_step(name: str, record: Record) -> None:
    match name:
        case Step.ACCEPTED:
            _ACCEPTED.labels(record.kind, record.model).inc()
        case Step.STARTED:
            _STARTED.labels(record.kind, record.model).inc()
        case Step.SUBMIT_UNKNOWN:
            _AMBIGUOUS.labels(record.provider).inc()
        case Step.RENDERED:
            _observe_render(record)
        case Step.SUCCEEDED | Step.FAILED | Step.CANCELED | Step.EXPIRED:
            _count_end(name, record)


def _observe_render(record: Record) -> None:
    attempts = record.internal.attempts
    if attempts and attempts[-1].submitting_at:
        taken = record.internal.changed_at - attempts[-1].submitting_at
        _RENDER_SECONDS.labels(record.provider, record.model).observe(taken.total_seconds())


def _count_end(outcome: str, record: Record) -> None:
    _FINISHED.labels(record.kind, record.model, outcome).inc()
    taken = record.internal.changed_at - record.created_at
    _SECONDS.labels(record.kind, outcome).observe(max(0.0, taken.total_seconds()))
    if record.error and outcome == Step.FAILED:
        _FAILURES.labels(record.error.code).inc()


def _count_cost(before: Record | None, after: Record) -> None:
    """Later information may also lower a cost; a counter does not decrease."""
    earlier = before.cost.actual if before else None
    more = (after.cost.actual or Decimal(0)) - (earlier or Decimal(0))
    if more > 0:
        _COST.labels(after.model).inc(float(more))
