"""Steps of a job, and the status and the phase that clients see."""

from enum import StrEnum
from typing import Literal


class Step(StrEnum):
    """Step of a job: the name of the last event that changed it."""

    ACCEPTED = "accepted"  #: durable, waiting in the queue
    STARTED = "started"  #: a worker has it, nothing is at the provider yet
    SUBMITTING = "submitting"  #: one POST is about to be, or was, sent
    SUBMITTED = "submitted"  #: the provider gave it an id
    SUBMIT_UNKNOWN = "submit_unknown"  #: whether the provider accepted it is unknown
    RENDERED = "rendered"  #: the provider is done, the outputs are not ours yet
    RETRY_SCHEDULED = "retry_scheduled"  #: back in the queue for another attempt
    SUCCEEDED = "succeeded"  #: final: the assets are stored
    FAILED = "failed"  #: final: see `error`
    CANCELED = "canceled"  #: final: stopped on request
    EXPIRED = "expired"  #: final: a deadline passed

    @property
    def is_final(self) -> bool:
        return self in FINAL

    @property
    def is_unsent(self) -> bool:
        """Whether no request of this attempt is, or will be, at the provider."""
        return self in UNSENT


FINAL = frozenset({Step.SUCCEEDED, Step.FAILED, Step.CANCELED, Step.EXPIRED})
OPEN = frozenset(Step) - FINAL
UNSENT = frozenset({Step.ACCEPTED, Step.STARTED, Step.RETRY_SCHEDULED})

Status = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]

#: what a job is doing, for people: finer than its status. A later release may know more of them
Phase = Literal[
    "queued",
    "blocked",  #: queued, and waiting for more than its turn: `detail` has the reason
    "retrying",  #: queued for another attempt
    "submitting",
    "provider_queue",
    "rendering",
    "downloading",
    "storing",
    "submit_unknown",  #: whether the provider accepted it is unknown
    "canceling",
    "done",
]


STATUS: dict[Step, Status] = {
    Step.ACCEPTED: "queued",
    Step.STARTED: "running",
    Step.SUBMITTING: "running",
    Step.SUBMITTED: "running",
    Step.RENDERED: "running",
    Step.SUBMIT_UNKNOWN: "running",
    Step.RETRY_SCHEDULED: "queued",
    Step.SUCCEEDED: "succeeded",
    Step.FAILED: "failed",
    Step.CANCELED: "canceled",
    Step.EXPIRED: "expired",
}

PHASE: dict[Step, Phase] = {
    Step.ACCEPTED: "queued",
    Step.STARTED: "submitting",
    Step.SUBMITTING: "submitting",
    Step.SUBMITTED: "provider_queue",
    Step.RENDERED: "downloading",
    Step.SUBMIT_UNKNOWN: "submit_unknown",
    Step.RETRY_SCHEDULED: "retrying",
}
