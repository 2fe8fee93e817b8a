"""Capacity hint: message to the dispatcher about a lane when a run has ended. Pure."""

from heliograph.contracts.job_steps import Step
from heliograph.contracts.queries.scheduler import LaneCapacityHint
from heliograph.contracts.records import Record


def capacity_after(record: Record | None, seconds: float) -> LaneCapacityHint:
    if record is None or record.status == "queued":  # it may have been moved again by now
        return LaneCapacityHint()
    if record.step is not Step.RENDERED:
        return LaneCapacityHint(job=record.id)
    return LaneCapacityHint(job=record.id, kind=record.kind, seconds=seconds)
