"""What clients may want next: send, send again, cancel, detach, retry."""

from collections.abc import Iterator

from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from tests.simulation.actions import Action
from tests.simulation.scenario import Budgets
from tests.simulation.state import ENDED, State


def wants(state: State, left: Budgets) -> Iterator[Action]:
    """Requests that a client may send now."""
    has_succeeded = any(record.step is Step.SUCCEEDED for record in state.records())
    for index, planned in enumerate(state.scenario.planned_requests):
        if index not in state.sent:
            if has_succeeded or not planned.is_late:
                yield "send", str(index)
        elif left["resends"]:
            yield "resend", str(index)
    if left["repeats"]:
        for key, (job, from_) in state.retried.items():
            yield "retry again", job, from_, key
    for record in state.records():
        yield from _about(record, state.label(record.id), left)


def _about(record: Record, job: str, left: Budgets) -> Iterator[Action]:
    if left["cancels"] and not record.step.is_final:
        yield "cancel", job
    if left["detaches"] and not record.step.is_final:
        yield "detach", job
    if left["retries"]:
        yield from _retries(record, job)


def _retries(record: Record, job: str) -> Iterator[Action]:
    if record.step is Step.SUBMIT_UNKNOWN:
        yield "retry", job, "submit"
    if record.step in ENDED:
        yield "retry", job, ""
    if record.step in ENDED:
        yield "retry", job, "submit"
        if record.internal.outputs:
            yield "retry", job, "download"
        if record.internal.attempts and record.internal.attempts[-1].request_id:
            yield "retry", job, "poll"
