"""Rules of previews: the effect of a cancellation. Pure."""

from typing import Literal

from heliograph.contracts.actions import ActionRequest, RetryOutlook
from heliograph.contracts.errors import StateConflict
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.contracts.retry_requests import RetryRequest

Mode = Literal["stop", "detach"]


def retry_request(request: ActionRequest) -> RetryRequest:
    """The retry request of an action for each job, without changes."""
    return RetryRequest.model_validate({"from": request.from_})


def is_paid(outlook: RetryOutlook) -> bool:
    """Whether the new try costs something."""
    return outlook.cost is not None and outlook.cost.estimated > 0


def pointer_to_job(request: ActionRequest, index: int) -> str:
    """Pointer to a job of the request."""
    return f"/ids/{index}" if request.ids else "/filter"


def cancel_outcome(record: Record, mode: Mode) -> Literal["accepted", "skipped"]:
    """
    Whether canceling would change anything.

    Raises:
        StateConflict: The job already has another final state.
    """
    if record.step is Step.CANCELED:
        return "skipped"
    if record.step.is_final:
        raise StateConflict(f"the job has {record.status} already")
    return "skipped" if already_requested(record, mode) else "accepted"


def already_requested(record: Record, mode: Mode) -> bool:
    """Whether the same cancellation was requested already."""
    if mode == "detach":
        return record.slot is None
    return record.internal.cancel or record.step is Step.CANCELED
