"""Which jobs of a backup may have been submitted since it was taken."""

import pytest

from heliograph.contracts.job_events import JobEvent, RetryScheduled, Started, Submitting
from heliograph.contracts.job_steps import Step
from heliograph.contracts.state_machine import apply
from heliograph.runtime.backup.unsent_jobs import as_restored, may_have_been_sent
from heliograph.runtime.clock import now
from tests.support.records import a_record

PAID = {"price": 0.04}  #: of the sim
STARTED = Started(run=1)
SUBMITTING = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
AGAIN = RetryScheduled(not_before=now(), reason="provider_unavailable", detail="d")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], True, id="waiting"),
        pytest.param([STARTED], True, id="started"),
        pytest.param([STARTED, AGAIN], True, id="another attempt"),
        pytest.param([STARTED, SUBMITTING], False, id="looked up by its worker"),
    ],
)
def test_a_paid_job_that_was_not_sent_may_have_been_since(
    facts: list[JobEvent], expected: bool
) -> None:
    record = a_record(parameters=PAID)
    for fact in facts:
        record = apply(record, fact, now())

    assert may_have_been_sent(record) is expected


def test_a_free_job_may_run_again() -> None:
    assert not may_have_been_sent(a_record())


def test_such_a_job_fails_and_says_that_it_may_have_been_charged() -> None:
    ended = apply(a_record(parameters=PAID), as_restored(a_record()), now())

    assert ended.error
    assert (ended.step, ended.charged) == (Step.FAILED, "unknown")
    assert (ended.error.code, ended.error.charged) == ("restored", "unknown")
