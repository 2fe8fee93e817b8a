"""The judge of a storm: what may become of a request whose answer brings the pictures, and what may not."""

from datetime import UTC, datetime

import pytest

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import SubmitOutcomeUnknown
from heliograph.contracts.job_events import (
    Failed,
    JobEvent,
    Rendered,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.outputs import Output
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus.log_entries import LogEntry
from tests.chaos.external_checks import inline_payments, wrong_bills
from tests.chaos.inline_provider import PRICE, InlineRequest
from tests.chaos.invariant_checker import lost_responses, paid_twice, waited_for
from tests.chaos.journal import Signal
from tests.support.records import a_record

PROMPT = "a lighthouse"
INTENT = Submitting(run=1, endpoint="e", prompt=PROMPT, arguments={}, references=[])
RENDERED = Rendered(run=1, outputs=[Output(inline="job/digest")])
IN_DOUBT = SubmitUnknown(run=1, problem=SubmitOutcomeUnknown().problem())
GIVEN_UP = Failed(problem=SubmitOutcomeUnknown().problem(), charged="unknown")

ANSWERED = InlineRequest(PROMPT, 1, at=102.5, due_at=105.0, ended_at=105.0, end="answered")
DROPPED = InlineRequest(PROMPT, 1, at=102.5, due_at=105.0, ended_at=104.0, end="lost")
ABANDONED = InlineRequest(PROMPT, 1, at=102.5, due_at=105.0, ended_at=104.0, end="abandoned")
RESTART = Signal("render", "restart", 104.0, 108.0)
KILL = Signal("render", "kill", 104.0, 104.0)


def log_of(*facts: JobEvent) -> list[LogEntry]:
    """A job's events from second 100 on, one a second: `submitting` is at 102."""
    record = a_record(prompt=PROMPT, parameters={"price": "0.01"})
    log = [_entry(1, EventEnvelope.of("accepted", record, _at(100), "test"))]
    for number, fact in enumerate((Started(run=1), INTENT, *facts), 1):
        at = _at(100 + number)
        record = apply(record, fact, at)
        log.append(_entry(number + 1, EventEnvelope.of(fact.name, record, at, "test")))
    return log


def _entry(sequence: int, event: EventEnvelope) -> LogEntry:
    return LogEntry(sequence, event, _at(99 + sequence))


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


KEPT = log_of(RENDERED)
LOST = log_of(IN_DOUBT, GIVEN_UP)


def lost(log: list[LogEntry], request: InlineRequest, *signals: Signal) -> int:
    """How many answers the judge misses."""
    return len(lost_responses(signals, [request], {log[-1].record.id: log[-1].record}))


def test_an_answer_that_a_restart_lost_is_missed() -> None:
    assert waited_for([RESTART], [ANSWERED]) == [ANSWERED]
    assert lost(LOST, ANSWERED, RESTART) == 1


def test_a_response_without_a_reader_counts_as_lost() -> None:
    assert lost(LOST, ABANDONED, RESTART) == 1
    assert lost(LOST, ABANDONED, RESTART, KILL) == 0


@pytest.mark.parametrize(
    "signal",
    [
        KILL,
        Signal("render-2", "kill", 106.5, 106.5),  # it was answered, and not on disk yet
        Signal("render", "freeze", 90.0, 103.0),
    ],
)
def test_an_answer_is_not_missed_when_render_was_killed_or_stood_still(signal: Signal) -> None:
    assert waited_for([RESTART, signal], [ANSWERED]) == []
    assert lost(LOST, ANSWERED, RESTART, signal) == 0


@pytest.mark.parametrize(("at", "missed"), [(101.9, 1), (102.1, 0)])
def test_a_kill_after_the_intent_counts_though_the_provider_saw_the_request_later(
    at: float, missed: int
) -> None:
    assert lost(LOST, ABANDONED, Signal("render", "kill", at, at)) == missed


@pytest.mark.parametrize(
    "signal",
    [
        Signal("render", "kill", 100.0, 101.0),
        Signal("render", "kill", 108.0, 108.0),
        Signal("storage", "kill", 104.0, 104.0),
        RESTART,
    ],
)
def test_what_happens_before_or_after_or_to_others_excuses_nothing(signal: Signal) -> None:
    assert lost(LOST, ANSWERED, signal) == 1


def test_an_answer_that_the_provider_lost_leaves_the_job_in_doubt() -> None:
    assert lost(LOST, DROPPED) == 0
    assert lost(KEPT, DROPPED) == 1


def test_a_request_belongs_to_the_last_intent_before_it() -> None:
    [payment] = inline_payments([ANSWERED], KEPT)

    assert (payment.job, payment.run, payment.price) == (KEPT[-1].record.id, 1, PRICE)
    assert paid_twice([payment], KEPT) == []


def test_a_second_request_of_an_attempt_is_paid_twice() -> None:
    again = InlineRequest(PROMPT, 1, at=103.5, due_at=105.0, ended_at=105.0, end="answered")

    assert paid_twice(inline_payments([ANSWERED, again], KEPT), KEPT)


def test_a_request_before_any_submitting_event_violates_single_payment() -> None:
    early = InlineRequest(PROMPT, 1, at=101.5, due_at=105.0, ended_at=105.0, end="answered")

    [payment] = inline_payments([early], KEPT)

    assert payment.run == 0
    assert paid_twice([payment], KEPT)


def test_a_bill_counts_every_picture() -> None:
    two = InlineRequest(PROMPT, 2, at=102.5, due_at=105.0, ended_at=105.0, end="answered")
    record = KEPT[-1].record
    cost = record.cost.model_copy(update={"actual": PRICE})
    record = record.model_copy(update={"charged": "yes", "cost": cost})

    assert wrong_bills(inline_payments([ANSWERED], KEPT), {record.id: record}) == []
    assert wrong_bills(inline_payments([two], KEPT), {record.id: record})
