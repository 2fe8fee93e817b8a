"""A compacted record is small, and still says what its key, its slot and its bill are asked for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from heliograph.contracts import subjects
from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.compaction import MAX_COMPACTED_BYTES, size_of
from heliograph.contracts.errors import ContentPolicy, ProviderRejected, StateConflict
from heliograph.contracts.job_events import (
    Canceled,
    Compacted,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    Succeeded,
)
from heliograph.contracts.log_budget import bytes_to_come, share, size_of_event
from heliograph.contracts.outputs import Output
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from heliograph.contracts.retries import next_actions
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.contracts.state_machine import apply
from heliograph.contracts.state_machine.transitions import IllegalTransition
from services.gateway.jobs.retry import resume_point
from tests.support.records import a_record

_LONG = "🗼" * 20_000  #: a prompt as large as a request may have

COMPACTED = Compacted(ended=7, replaces=7)


def after(record: Record, *facts: JobEvent) -> Record:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    for second, fact in enumerate(facts):
        record = apply(record, fact, at + timedelta(seconds=second))
    return record


def submitting(record: Record) -> Submitting:
    sent = {"prompt": record.prompt, **record.parameters}
    return Submitting(
        run=1, endpoint="picture", prompt=record.prompt, arguments=sent, references=[]
    )


def asset(record: Record, index: int = 0) -> Asset:
    variant = Variant(media_type="image/webp", width=512, height=512, bytes=9, sha256="1" * 64)
    return Asset(
        id=f"{record.id}-{index}",
        index=index,
        media_type="image/png",
        width=2048,
        height=2048,
        bytes=12_345_678,
        sha256="0" * 64,
        variants={"thumbnail": variant, "preview": variant},
    )


def rendered(record: Record) -> list[JobEvent]:
    return [
        Started(run=1),
        submitting(record),
        Submitted(run=1, request_id="r" * 40, answer="x" * 4_000),
        Rendered(run=1, outputs=[Output(url="https://provider.example/a")], answer="x" * 4_000),
    ]


def test_the_largest_record_is_shrunk_and_keeps_what_it_is_asked_for() -> None:
    record = a_record(prompt=_LONG, slot="hero", tags={"show": "one"}, parameters={"price": "0.04"})
    done = after(record, *rendered(record), Succeeded(assets=[asset(record)]))
    assert size_of_event(done) > 200_000

    small = after(done, COMPACTED)

    event = EventEnvelope.of("compacted", small, datetime.now(UTC), "test")
    assert len(event.data()) == size_of(small) <= MAX_COMPACTED_BYTES
    subject = subjects.event(small.project, small.id)
    assert EventEnvelope.read(subject, event.headers(), event.data()).body == small
    for name in ("id", "project", "slot", "model", "status", "charged", "cost", "finished_at"):
        assert getattr(small, name) == getattr(done, name)
    assert small.assets == done.assets
    assert small.internal.body_digest == done.internal.body_digest
    assert small.internal.result_digest == done.internal.result_digest
    assert [each.request_id for each in small.internal.attempts] == ["r" * 40]
    assert small.ended(99) == 7
    assert small.tags == {"show": "one"}
    assert small.prompt.startswith("🗼")


def test_what_was_paid_for_and_is_not_stored_stays() -> None:
    record = a_record(prompt=_LONG, parameters={"price": "0.04"})
    lost = after(record, *rendered(record), Canceled(charged="yes"))

    small = after(lost, COMPACTED)

    assert small.internal.outputs == lost.internal.outputs
    assert small.cost.actual == Decimal("0.04")
    assert resume_point(small, None) == "download"


def test_a_job_whose_request_was_cut_cannot_be_submitted_again() -> None:
    record = a_record(prompt=_LONG)
    problem = ProviderRejected().problem()
    small = after(record, Started(run=1), submitting(record), Failed(problem=problem), COMPACTED)

    for start in (None, "submit"):
        with pytest.raises(StateConflict, match="send it as a new request"):
            resume_point(small, RetryRequest.model_validate({"from": start}).from_)


def test_a_small_request_stays_whole_and_can_be_submitted_again() -> None:
    record = a_record(parameters={"seed": 7})
    problem = ProviderRejected().problem()
    small = after(record, Started(run=1), submitting(record), Failed(problem=problem), COMPACTED)

    assert (small.prompt, small.parameters) == (record.prompt, record.parameters)
    assert resume_point(small, None) == "submit"


def test_a_useless_paid_step_is_not_offered() -> None:
    record = a_record(parameters={"seed": 7, "price": "0.04"})
    change = NextAction(kind="change_request", label="Change the prompt")
    problem = ContentPolicy(next_actions=[change]).problem()
    refused = after(record, Started(run=1), submitting(record), Failed(problem=problem))

    small = after(refused, COMPACTED)

    assert next_actions(small) == next_actions(refused) == [change]


def test_keys_of_retries_stay() -> None:
    record = a_record(prompt=_LONG)
    internal = record.internal.model_copy(update={"retries": ["key one", "key two"]})
    small = after(record.model_copy(update={"internal": internal}), Canceled(), COMPACTED)

    assert small.internal.retries == ["key one", "key two"]


def test_only_what_is_over_is_compacted_and_only_once() -> None:
    record = a_record()
    ended = after(record, Canceled())

    with pytest.raises(IllegalTransition):
        after(record, COMPACTED)
    with pytest.raises(IllegalTransition):
        after(ended, COMPACTED, COMPACTED)


def test_a_run_of_refusals_is_one_attempt_and_the_record_does_not_grow() -> None:
    record, sizes = a_record(prompt="x" * 1_000), []
    too_fast = RetryScheduled(
        not_before=datetime(2030, 1, 1, tzinfo=UTC), reason="rate", detail="429", counted=False
    )
    for _ in range(500):
        record = after(record, Started(run=1), submitting(record), too_fast)
        sizes.append(size_of_event(record))

    [attempt] = record.internal.attempts
    assert (attempt.number, attempt.refusals) == (1, 499)
    assert max(sizes) - min(sizes) < 100


def test_an_attempt_that_counts_has_an_entry_of_its_own() -> None:
    record = a_record()
    again = RetryScheduled(not_before=datetime(2030, 1, 1, tzinfo=UTC), reason="down", detail="503")
    for _ in range(3):
        record = after(record, Started(run=1), submitting(record), again)

    assert [each.number for each in record.internal.attempts] == [1, 2, 3]


@pytest.mark.parametrize("prompt", ["a lighthouse", _LONG])
def test_the_reserve_of_a_job_covers_every_event_until_its_end(prompt: str) -> None:
    record = a_record(prompt=prompt)
    sizes = [size_of_event(record)]
    reserve = bytes_to_come(record, sizes[0])
    for fact in (*rendered(record), Succeeded(assets=[asset(record)])):
        record = after(record, fact)
        sizes.append(size_of_event(record))
        assert sum(sizes[1:]) + bytes_to_come(record, sizes[-1]) <= reserve * 1.5 + 20_000

    assert sum(sizes[1:]) <= reserve * 1.2 + 10_000
    assert bytes_to_come(record, sizes[-1]) == 0


def test_a_project_may_take_half_of_what_the_others_leave_free() -> None:
    assert share(100, others=0) == 50
    assert share(100, others=50) == 25
    assert share(100, others=120) == 0
