"""What is learned after an end completes the attempt, once, and tells nothing that was known."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Deadline, ProviderRejected
from heliograph.contracts.job_events import (
    Canceled,
    CancelRequested,
    Expired,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
)
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.late_events import late_event
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUTPUTS = [Output(url="http://there/0.png")]
MISSING = [Withheld(index=1, reason="no_output")]
SENT = (
    Started(run=1),
    Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[]),
)
OVER = Expired(problem=Deadline().problem(), charged="unknown", runs_on=True)
REJECTED = ProviderRejected().problem()


def an_entry(*facts: JobEvent, sequence: int = 40) -> LogEntry:
    record: Record = a_record(parameters={"price": "0.5"})
    for fact in facts:
        record = apply(record, fact, NOW)
    return LogEntry(sequence, EventEnvelope.of("expired", record, NOW, "test"))


def completed(entry: LogEntry, fact: JobEvent, run: int = 1) -> Record:
    fact_of_the_attempt = late_event(entry, run, fact)
    assert fact_of_the_attempt
    return apply(entry.record, fact_of_the_attempt, NOW)


@pytest.mark.parametrize(
    ("fact", "outcome", "charged"),
    [
        (Rendered(run=1, outputs=OUTPUTS), "rendered", "yes"),
        (Failed(problem=REJECTED, charged="no"), "provider_rejected", "no"),
        (RetryScheduled(not_before=NOW, reason="provider_unavailable", detail="x"), None, "no"),
        (Canceled(charged="yes", outputs=OUTPUTS), "rendered", "yes"),
        (Canceled(charged="no"), "canceled", "no"),
        (Expired(problem=OVER.problem, charged="no"), "expired", "no"),
    ],
)
def test_the_end_of_an_attempt_is_learned_from_what_would_have_been_written(
    fact: JobEvent, outcome: str | None, charged: str
) -> None:
    record = completed(an_entry(*SENT, OVER), fact)
    [attempt] = record.internal.attempts

    assert (attempt.outcome, attempt.charged) == (outcome or "provider_unavailable", charged)
    assert (record.status, record.charged) == ("expired", charged)
    assert record.cost.actual == (Decimal("0.5") if charged == "yes" else 0)
    assert not record.runs_on


@pytest.mark.parametrize(
    "fact",
    [
        Rendered(run=1, outputs=OUTPUTS, withheld=MISSING),
        Canceled(charged="yes", outputs=OUTPUTS, withheld=MISSING),
        Expired(problem=OVER.problem, outputs=OUTPUTS, withheld=MISSING),
    ],
    ids=lambda fact: str(fact.name),
)
def test_what_is_missing_among_late_outputs_is_learned_with_them(fact: JobEvent) -> None:
    record = completed(an_entry(*SENT, OVER), fact)

    assert (record.internal.outputs, record.withheld) == (OUTPUTS, MISSING)


def test_a_request_that_is_found_after_the_end_runs_on() -> None:
    record = completed(
        an_entry(*SENT, Canceled(charged="unknown")), Submitted(run=1, request_id="r")
    )

    assert record.runs_on
    assert record.internal.attempts[-1].request_id == "r"


def test_the_place_of_the_end_is_that_of_the_final_event() -> None:
    first = an_entry(*SENT, OVER, sequence=40)
    record = completed(first, Submitted(run=1, request_id="r"))
    second = LogEntry(50, EventEnvelope.of("attempt_completed", record, NOW, "test"))

    assert completed(second, Rendered(run=1, outputs=OUTPUTS)).ended(60) == 40


def test_known_facts_are_not_appended_again() -> None:
    rendered = Rendered(run=1, outputs=OUTPUTS)
    record = completed(an_entry(*SENT, OVER), rendered)

    assert late_event(LogEntry(50, EventEnvelope.of("x", record, NOW, "test")), 1, rendered) is None


@pytest.mark.parametrize("fact", [Started(run=2), CancelRequested(mode="stop")])
def test_what_says_nothing_about_an_attempt_is_not_written(fact: JobEvent) -> None:
    assert late_event(an_entry(*SENT, OVER), 1, fact) is None


def test_nothing_is_written_about_an_attempt_that_is_not_known() -> None:
    assert late_event(an_entry(*SENT, OVER), 9, Rendered(run=9, outputs=OUTPUTS)) is None
