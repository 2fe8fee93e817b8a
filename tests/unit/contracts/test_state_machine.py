"""A record is what its facts make of it: nothing illegal, nothing twice, nothing taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.contracts.assets import Asset
from heliograph.contracts.attempts import SentReference, Takeover
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import Deadline, ProviderRejected, SubmitOutcomeUnknown
from heliograph.contracts.id_generation import asset_id, new_job_id
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    CancelRequested,
    Compacted,
    Expired,
    ExpireRequested,
    Failed,
    JobEvent,
    Pruned,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Marker, Record
from heliograph.contracts.state_machine import apply
from heliograph.contracts.state_machine.attempts import ATTEMPTS_BUDGET
from heliograph.contracts.state_machine.late_attempts import adds_information
from heliograph.contracts.state_machine.transitions import IllegalTransition, is_legal
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record
from services.gateway.jobs.result_cache import apply_cached
from tests.support.records import CATALOG, a_record, a_request, some_project, taking_over

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)

#: "The life of a job" in the architecture, typed anew: a fact, and the steps it may follow
MAY_FOLLOW = {
    "started": {"accepted", "retry_scheduled"},
    "submitting": {"started"},
    "submitted": {"submitting", "submit_unknown", "started"},
    "rendered": {"submitted", "submitting", "submit_unknown", "started"},
    "retry_scheduled": {"started", "submitting", "submitted", "submit_unknown"},
    "submit_unknown": {"submitting", "submit_unknown"},
    "succeeded": {"rendered", "accepted"},
}
NOT_FINAL = {
    "accepted",
    "started",
    "submitting",
    "submitted",
    "submit_unknown",
    "rendered",
    "retry_scheduled",
}
ENDS = {"failed", "canceled", "expired"}
MAY_FOLLOW |= dict.fromkeys(ENDS | {"cancel_requested"}, NOT_FINAL)
MAY_FOLLOW |= {"expire_requested": {"submitting", "submitted"}}
AFTER_AN_END = ("pruned", "attempt_completed", "compacted")
MAY_FOLLOW |= {fact: {"succeeded", *ENDS} for fact in AFTER_AN_END}

#: "Last event, status, phase" of the public contract, typed anew
SHOWN_AS = {
    "accepted": ("queued", "queued"),
    "started": ("running", "submitting"),
    "submitting": ("running", "submitting"),
    "submitted": ("running", "provider_queue"),
    "rendered": ("running", "downloading"),
    "retry_scheduled": ("queued", "retrying"),
    "submit_unknown": ("running", "submit_unknown"),
    "succeeded": ("succeeded", "done"),
    "failed": ("failed", "done"),
    "canceled": ("canceled", "done"),
    "expired": ("expired", "done"),
}

KEEPS_THE_STEP = {
    "cancel_requested",
    "expire_requested",
    "pruned",
    "attempt_completed",
    "compacted",
}

HOW_CHARGED: list[Charged] = ["no", "unknown", "yes"]  #: each is more than the one before

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def a_fact(name: str, record: Record, charged: Charged = "no") -> JobEvent:
    """A fact by that name, as somebody who works on the record would learn it."""
    run = record.internal.run
    match name:
        case "started":
            return Started(run=run + 1)
        case "submitting":
            return Submitting(
                run=run,
                endpoint="picture",
                prompt=record.prompt,
                arguments={"prompt": record.prompt, "seed": 7},
                references=[SentReference(url="http://here/a.png", digest="sha256:" + "0" * 64)],
            )
        case "submitted":
            return Submitted(run=run, request_id=f"request-{run}", answer='{"ok":true}')
        case "rendered":
            outputs = [Output(url="http://there/0.png")]
            return Rendered(run=run, outputs=outputs, charged=charged, answer='{"done":true}')
        case "retry_scheduled":
            return RetryScheduled(
                not_before=BEGAN, reason="provider_unavailable", detail="again", charged=charged
            )
        case "submit_unknown":
            return SubmitUnknown(run=run, problem=SubmitOutcomeUnknown().problem())
        case "cancel_requested":
            return CancelRequested(mode="stop")
        case "succeeded":
            return Succeeded(assets=[an_asset(record)])
        case "failed":
            return Failed(problem=ProviderRejected().problem(), charged=charged)
        case "canceled":
            return Canceled(charged=charged)
        case "expired":
            return Expired(problem=Deadline().problem(), charged=charged)
        case "expire_requested":
            return ExpireRequested()
        case "pruned":
            return Pruned(ended=1042)
        case "compacted":
            return Compacted(ended=1042, replaces=1042)
        case "attempt_completed":
            attempts = record.internal.attempts
            return AttemptCompleted(
                run=attempts[-1].run if attempts else run, ended=1042, charged=charged
            )
    raise AssertionError(name)


def an_asset(record: Record) -> Asset:
    return Asset(
        id=asset_id(record.id, 0),
        index=0,
        media_type="image/png",
        width=8,
        height=8,
        bytes=100,
        sha256="0" * 64,
    )


def after(record: Record, *facts: JobEvent | str, charged: Charged = "no") -> Record:
    """The record after some facts, a second between each."""
    for fact in facts:
        known = a_fact(fact, record, charged) if isinstance(fact, str) else fact
        record = apply(record, known, record.internal.changed_at + timedelta(seconds=1))
    return record


def standing_at(step: Step, takes_over: str) -> Record:
    """A record whose step is this one, however it came there."""
    record = accepted("0.003", takes_over)
    if takes_over != "reuse":
        record = after(record, "started", "submitting")
    internal = record.internal.model_copy(update={"step": step})
    return record.model_copy(update={"internal": internal})


# -- what may follow what


@pytest.mark.parametrize("fact", sorted(MAY_FOLLOW))
def test_a_fact_is_legal_after_the_steps_that_the_architecture_names(fact: str) -> None:
    assert {str(step) for step in Step if is_legal(step, fact)} == MAY_FOLLOW[fact]


@pytest.mark.parametrize(
    ("step", "fact"), list(product(Step, sorted(MAY_FOLLOW.keys() - {"compacted"})))
)
def test_what_is_legal_can_be_folded_and_nothing_else_can(step: Step, fact: str) -> None:
    takes_over = {"submitted": "poll", "rendered": "download", "succeeded": "reuse"}
    record = standing_at(step, takes_over.get(fact, ""))

    if step in MAY_FOLLOW[fact]:
        after(record, fact)
    else:
        with pytest.raises(IllegalTransition, match=f"{fact} may not follow {step}"):
            after(record, fact)


@pytest.mark.parametrize("step", [step for step in Step if str(step) not in NOT_FINAL])
def test_final_steps_absorb_everything_but_the_end_of_what_is_kept(step: Step) -> None:
    assert step.is_final
    assert [fact for fact in MAY_FOLLOW if is_legal(step, fact)] == [*AFTER_AN_END]


@pytest.mark.parametrize(
    ("fact", "follows"),
    [
        ("submitting", ["started"]),
        ("submitted", ["started", "submitting"]),
        ("rendered", ["started", "submitting"]),
        ("submit_unknown", ["started", "submitting"]),
    ],
)
def test_a_fact_of_another_run_is_illegal(fact: str, follows: list[str]) -> None:
    earlier = after(a_record(), *follows)
    late = a_fact(fact, earlier)
    later = after(earlier, "retry_scheduled", *follows)

    with pytest.raises(IllegalTransition, match="in run 2"):
        after(later, late)


@pytest.mark.parametrize("fact", ["submitted", "rendered"])
def test_only_a_job_that_takes_something_over_has_an_answer_without_asking(fact: str) -> None:
    started = after(a_record(), "started")

    with pytest.raises(IllegalTransition):
        after(started, fact)


def test_a_job_without_a_stored_result_does_not_succeed_before_it_started() -> None:
    with pytest.raises(IllegalTransition):
        after(a_record(), "succeeded")


def test_a_job_that_is_given_a_stored_result_never_starts() -> None:
    with pytest.raises(IllegalTransition):
        after(accepted("1.5", "reuse"), "started")


# -- every life there is


@dataclass(frozen=True)
class Moment:
    """One fact in the life of a job."""

    before: Record
    fact: JobEvent
    at: datetime
    after: Record


@cache
def accepted(price: str, takes_over: str) -> Record:
    """
    A job as it is accepted; it may take over the request or the outputs of another one, or be given
    what is stored.
    """
    takeover = Takeover(
        job=new_job_id(),
        account="sim",
        endpoint="picture",
        request_id="old-request" if takes_over == "poll" else None,
        outputs=[Output(url="http://there/old.png")] if takes_over == "download" else [],
    )
    record = build_record(
        a_request(slot="portrait/char-123", parameters={"price": price}, tags={"show": "s1"}),
        RequestIdentity(project=some_project(), job=new_job_id(), key="k", correlation_id="c-1"),
        CATALOG,
        BEGAN,
    )
    if takes_over in ("poll", "download"):
        return taking_over(record, takeover)
    if takes_over != "reuse":
        return record
    old = after(a_record(), "started", "submitting", "submitted", "rendered", "succeeded")
    return apply_cached(record, old)


@st.composite
def lives(
    draw: st.DrawFn,
    prices: Sequence[str] = ("0.003", "1.5", "0"),
    takeovers: Sequence[str] = ("", "", "poll", "download", "reuse"),
) -> list[Moment]:
    """What can happen to one job, in one of the orders that the architecture allows."""
    record = accepted(draw(st.sampled_from(prices)), draw(st.sampled_from(takeovers)))
    moments: list[Moment] = []
    for number in range(draw(st.integers(0, 14))):
        names = sorted(possible(record, may_end=draw(st.integers(0, 7)) == 0))
        if not names:
            break
        fact = draw(facts(record, draw(st.sampled_from(names))))
        at = BEGAN + timedelta(seconds=number, microseconds=draw(st.integers(0, 999_999)))
        moments.append(Moment(record, fact, at, apply(record, fact, at)))
        record = moments[-1].after
    return moments


def possible(record: Record, *, may_end: bool) -> Iterable[str]:
    """The facts that may come next."""
    old = record.internal.takeover
    for name, steps in MAY_FOLLOW.items():
        if str(record.step) not in steps or (name in ENDS and not may_end):
            continue
        if name == "compacted":  # takes away what the others are compared by: see test_compaction
            continue
        if name == "pruned" and record.pruned_at:
            continue
        if name == "expire_requested" and record.internal.expire:
            continue
        if name == "attempt_completed" and not record.internal.attempts:
            continue
        never = "started" if record.internal.reused else "succeeded"
        if record.step is Step.ACCEPTED and name == never:
            continue
        if record.step is Step.STARTED:
            if name == "submitting" and old:
                continue
            if name == "submitted" and not (old and old.request_id):
                continue
            if name == "rendered" and not (old and old.outputs):
                continue
        yield name


some_outputs = st.sampled_from([[], [Output(url="http://there/1.png")]])


@st.composite
def facts(draw: st.DrawFn, record: Record, name: str) -> JobEvent:
    """A fact by that name. Only an attempt that is under way can turn out to be charged."""
    attempts = record.internal.attempts
    under_way = bool(attempts) and attempts[-1].ended_at is None
    charged = draw(st.sampled_from(HOW_CHARGED)) if under_way else record.charged
    match name:
        case "cancel_requested":
            return CancelRequested(mode=draw(st.sampled_from(["detach", "stop"])))
        case "canceled":
            return Canceled(charged=charged, outputs=draw(some_outputs))
        case "expired":
            problem, runs_on = Deadline().problem(), draw(st.booleans())
            outputs = draw(some_outputs)
            return Expired(problem=problem, charged=charged, outputs=outputs, runs_on=runs_on)
        case "attempt_completed":
            return AttemptCompleted(
                run=draw(st.sampled_from(attempts)).run,
                ended=1042,
                request_id=draw(st.none() | st.just("found-later")),
                outputs=draw(some_outputs),
                charged=draw(st.sampled_from(HOW_CHARGED)),
                outcome=draw(st.sampled_from([None, "rendered", "provider_unavailable"])),
            )
        case "retry_scheduled":
            return RetryScheduled(
                not_before=BEGAN + timedelta(hours=1),
                reason="provider_unavailable",
                detail=draw(st.text(max_size=20)),
                counted=draw(st.booleans()),
                charged=charged,
                key=draw(st.none() | st.just("again")),
            )
        case "submitting":
            return Submitting(
                run=record.internal.run,
                endpoint="picture",
                prompt=draw(st.text(max_size=20)),
                arguments=draw(
                    st.dictionaries(
                        st.text(max_size=8),
                        st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
                        max_size=3,
                    )
                ),
                references=[],
            )
    return a_fact(name, record, charged)


def charge_of(record: Record) -> int:
    return HOW_CHARGED.index(record.charged)


@thorough
@given(life=lives(), data=st.data())
def test_an_illegal_fact_raises_and_changes_nothing(
    life: list[Moment], data: st.DataObject
) -> None:
    record = life[-1].after if life else accepted("1.5", "")
    before = record.model_dump_json()
    illegal = sorted(name for name, steps in MAY_FOLLOW.items() if str(record.step) not in steps)
    name = data.draw(st.sampled_from(illegal))

    with pytest.raises(IllegalTransition):
        apply(record, a_fact(name, record), BEGAN)
    assert record.model_dump_json() == before


@thorough
@given(life=lives())
def test_a_fact_makes_a_new_record_and_leaves_the_old_one_as_it_was(life: list[Moment]) -> None:
    before = [moment.before.model_dump_json() for moment in life]

    for moment, dump in zip(life, before, strict=True):
        assert apply(moment.before, moment.fact, moment.at) == moment.after
        assert moment.before.model_dump_json() == dump


@thorough
@given(life=lives())
def test_the_revision_counts_the_facts(life: list[Moment]) -> None:
    assert [moment.after.revision for moment in life] == list(range(2, len(life) + 2))


@thorough
@given(life=lives())
def test_the_step_is_the_last_fact_that_moved_the_job(life: list[Moment]) -> None:
    step = "accepted"
    for moment in life:
        if moment.fact.name not in KEEPS_THE_STEP:
            step = moment.fact.name

        assert moment.after.step == step
        assert moment.after.internal.changed_at == moment.at


@thorough
@given(life=lives())
def test_status_and_phase_follow_the_step(life: list[Moment]) -> None:
    for moment in life:
        status, phase = SHOWN_AS[str(moment.after.step)]
        is_stopping = moment.after.internal.cancel or moment.after.internal.expire
        if is_stopping and phase != "done":
            phase = "canceling"

        assert (moment.after.status, moment.after.phase) == (status, phase)


@thorough
@given(life=lives())
def test_a_cancel_request_is_never_lost(life: list[Moment]) -> None:
    wished = False
    for moment in life:
        wished = wished or moment.fact == CancelRequested(mode="stop")

        assert moment.after.internal.cancel is wished


@thorough
@given(life=lives())
def test_a_detached_job_never_comes_back_to_its_slot(life: list[Moment]) -> None:
    slot: str | None = "portrait/char-123"
    for moment in life:
        if moment.fact == CancelRequested(mode="detach"):
            slot = None

        assert moment.after.slot == slot


@thorough
@given(life=lives())
def test_what_was_charged_is_never_taken_back(life: list[Moment]) -> None:
    for moment in life:
        was_unknown = moment.before.charged == "unknown"
        if isinstance(moment.fact, AttemptCompleted) and was_unknown:
            continue
        assert charge_of(moment.after) >= charge_of(moment.before)


@thorough
@given(life=lives(takeovers=[""]))
def test_each_charged_attempt_adds_its_price_once(life: list[Moment]) -> None:
    for moment in life:
        attempts = moment.after.internal.attempts
        paid = [attempt.price for attempt in attempts if attempt.charged == "yes"]
        actual = moment.after.cost.actual

        assert (actual or 0) == sum(paid)
        if moment.after.step.is_final:
            assert (actual is None) == (moment.after.charged == "unknown")


@thorough
@given(life=lives(takeovers=[""]))
def test_no_attempt_is_charged_more_than_its_job(life: list[Moment]) -> None:
    for moment in life:
        ended = [attempt for attempt in moment.after.internal.attempts if attempt.ended_at]

        assert charge_of(moment.after) >= max(
            (HOW_CHARGED.index(attempt.charged) for attempt in ended), default=0
        )


@thorough
@given(life=lives(prices=["0"]))
def test_a_job_that_costs_nothing_is_never_charged(life: list[Moment]) -> None:
    for moment in life:
        ended = [attempt for attempt in moment.after.internal.attempts if attempt.ended_at]

        assert moment.after.charged == "no"
        assert not moment.after.cost.actual
        assert {attempt.charged for attempt in ended} <= {"no"}


@thorough
@given(life=lives(prices=["1.5"], takeovers=["poll", "download", "reuse"]))
def test_a_job_that_takes_something_over_pays_nothing(life: list[Moment]) -> None:
    for moment in life:
        assert moment.after.charged == "no"
        assert not moment.after.cost.actual


@thorough
@given(life=lives())
def test_attempts_are_those_that_count(life: list[Moment]) -> None:
    attempt = 0
    for moment in life:
        attempt += isinstance(moment.fact, Started)
        attempt -= isinstance(moment.fact, RetryScheduled) and not moment.fact.counted

        assert moment.after.attempt == attempt


@thorough
@given(life=lives(takeovers=[""]))
def test_every_submission_is_an_attempt_and_at_most_the_last_one_is_open(
    life: list[Moment],
) -> None:
    submissions = 0
    for moment in life:
        submissions += isinstance(moment.fact, Submitting)
        attempts = moment.after.internal.attempts

        assert sum(1 + each.refusals for each in attempts) == submissions
        if not moment.after.step.is_final:
            assert all(attempt.ended_at for attempt in attempts[:-1])


def _may_run_on(fact: JobEvent) -> bool:
    """Whether the provider may still be working, although the job is over."""
    match fact:
        case Expired(runs_on=runs_on):
            return runs_on
        case AttemptCompleted(request_id=str(), outcome=None):  # found late, and not ended yet
            return True
    return False


@thorough
@given(life=lives())
def test_a_job_has_an_end_when_it_is_final_and_only_then(life: list[Moment]) -> None:
    end, runs_on = None, False
    for moment in life:
        record = moment.after
        attempts = record.internal.attempts
        if record.step.is_final and end is None:
            end = moment.at
        runs_on = runs_on or _may_run_on(moment.fact)

        assert record.finished_at == end
        if record.step.is_final and not runs_on:
            assert all(attempt.ended_at for attempt in attempts)


@thorough
@given(life=lives())
def test_what_is_pruned_ended_as_it_did_and_loses_its_assets_alone(life: list[Moment]) -> None:
    lost = {"assets", "pruned_at", "revision", "internal"}
    inner = {"remains", "changed_at"}
    for moment in life:
        before, after = moment.before, moment.after
        if not isinstance(moment.fact, Pruned):
            assert (after.pruned_at, after.internal.remains) == (
                before.pruned_at,
                before.internal.remains,
            )
            continue

        assert (after.assets, after.pruned_at) == ([], moment.at)
        assert after.stored == before.assets == before.stored
        assert after.model_dump(exclude=lost) == before.model_dump(exclude=lost)
        assert after.internal.model_dump(exclude=inner) == before.internal.model_dump(exclude=inner)


@thorough
@given(life=lives())
def test_what_is_learned_after_the_end_changes_only_the_attempt_and_its_cost(
    life: list[Moment],
) -> None:
    learned = {"charged", "cost", "error", "revision", "internal", "withheld"}
    inner = {"attempts", "outputs", "ended", "changed_at", "settled"}
    for moment in life:
        before, after = moment.before, moment.after
        if not isinstance(moment.fact, AttemptCompleted):
            continue

        assert after.model_dump(exclude=learned) == before.model_dump(exclude=learned)
        assert after.internal.model_dump(exclude=inner) == before.internal.model_dump(exclude=inner)
        for old, new in zip(before.internal.attempts, after.internal.attempts, strict=True):
            assert new == old or old.run == moment.fact.run
            assert old.charged in ("unknown", new.charged)
            assert old.request_id in (None, new.request_id)


@thorough
@given(life=lives())
def test_a_job_has_an_error_where_the_contract_says_so(life: list[Moment]) -> None:
    for moment in life:
        has_error = str(moment.after.step) in {"submit_unknown", "failed", "expired"}

        assert (moment.after.error is not None) == has_error


@thorough
@given(life=lives())
def test_every_record_survives_the_wire(life: list[Moment]) -> None:
    for moment in life:
        event = EventEnvelope.of(moment.fact.name, moment.after, moment.at, "test")

        assert EventEnvelope.read(event.subject, event.headers(), event.data()) == event


# -- single facts


def test_a_mark_on_a_subject_survives_the_wire() -> None:
    marker = Marker(id=new_job_id(), project="demo", marker="deduplicated", answer=new_job_id())
    event = EventEnvelope.of("deduplicated", marker, BEGAN, "test")

    assert EventEnvelope.read(event.subject, event.headers(), event.data()) == event


def test_a_job_starts_once_for_people() -> None:
    first = after(a_record(), "started")
    second = after(first, "retry_scheduled", "started")

    assert first.started_at is not None
    assert second.started_at == first.started_at


def test_a_rate_limit_does_not_count_as_an_attempt() -> None:
    refused = RetryScheduled(not_before=BEGAN, reason="x", detail="too fast", counted=False)
    record = after(a_record(), "started", "submitting", refused, "started", "submitting")

    assert record.attempt == 1
    [attempt] = record.internal.attempts
    assert (attempt.number, attempt.refusals) == (1, 1)


def test_a_retry_waits_until_its_time_and_says_why_until_it_goes_on() -> None:
    waiting = after(a_record(), "started", "submitting", "retry_scheduled")
    going_on = after(waiting, "started")

    assert (waiting.internal.not_before, waiting.detail) == (BEGAN, "again")
    assert (going_on.internal.not_before, going_on.detail) == (None, None)


def test_a_cancel_request_keeps_the_reason_of_a_wait() -> None:
    waiting = after(a_record(), "started", "submitting", "retry_scheduled", "cancel_requested")

    assert waiting.detail == "again"


def test_an_attempt_records_its_outcome_and_the_providers_response() -> None:
    record = after(a_record(), "started", "submitting", "submitted", "rendered")
    [attempt] = record.internal.attempts

    assert attempt.outcome == "rendered"
    assert attempt.request_id == "request-1"
    assert attempt.answer == '{"done":true}'


def test_an_attempt_knows_when_it_was_sent_accepted_and_over() -> None:
    record = after(a_record(), "started", "submitting", "submitted", "rendered")
    [attempt] = record.internal.attempts
    began = record.created_at

    assert attempt.submitting_at == began + timedelta(seconds=2)
    assert attempt.submitted_at == began + timedelta(seconds=3)
    assert attempt.ended_at == began + timedelta(seconds=4)


def test_an_attempt_keeps_the_last_response_when_its_end_has_none() -> None:
    record = after(a_record(), "started", "submitting", "submitted", "failed")

    assert record.internal.attempts[-1].answer == '{"ok":true}'


def test_a_late_response_belongs_to_the_attempt_of_unknown_outcome() -> None:
    record = after(a_record(), "started", "submitting", "submit_unknown", "submitted")
    [attempt] = record.internal.attempts

    assert attempt.request_id == "request-1"
    assert attempt.ended_at is None
    assert record.error is None


def test_an_unknown_submission_stays_possibly_charged() -> None:
    record = after(
        a_record(parameters={"price": "0.5"}),
        *("started", "submitting", "submit_unknown", "retry_scheduled", "started", "failed"),
    )

    assert record.charged == "unknown"
    assert record.cost.actual is None


def test_a_charge_that_becomes_known_replaces_one_that_was_not() -> None:
    record = after(
        a_record(parameters={"price": "0.5"}),
        *("started", "submitting", "submit_unknown", "submitted", "rendered"),
        charged="yes",
    )

    assert record.charged == "yes"
    assert record.cost.actual == Decimal("0.5")


def test_the_key_of_a_retry_in_place_is_kept() -> None:
    again = RetryScheduled(not_before=BEGAN, reason="x", detail="y", charged="unknown", key="k-2")
    record = after(a_record(), "started", "submitting", "submit_unknown", again, "started")

    assert record.internal.retries == ["k-2"]


def test_a_stopped_job_keeps_what_was_finished_anyway() -> None:
    record = after(a_record(), "started", "submitting", "submitted", "rendered", "canceled")

    assert record.internal.outputs == [Output(url="http://there/0.png")]


def test_charges_of_several_attempts_add_up() -> None:
    record = after(
        a_record(parameters={"price": "0.5"}),
        *("started", "submitting", "submitted", "retry_scheduled"),
        *("started", "submitting", "submitted", "rendered", "succeeded"),
        charged="yes",
    )

    assert record.cost.actual == Decimal("1.0")


# -- what is learned after the end


def run_on(price: str = "0.5") -> Record:
    """A job that expired while its request ran on."""
    expired = Expired(problem=Deadline().problem(), charged="unknown", runs_on=True)
    facts = ("started", "submitting", "submitted", "expire_requested", expired)
    return after(a_record(parameters={"price": price}), *facts)


def completed(**known: Any) -> AttemptCompleted:
    return AttemptCompleted(run=1, ended=17, **known)


def test_a_deadline_that_passes_at_the_provider_requests_expiry_first() -> None:
    record = after(a_record(), "started", "submitting", "submitted", "expire_requested")

    assert (record.step, record.status, record.phase) == (Step.SUBMITTED, "running", "canceling")


def test_expiry_is_requested_once() -> None:
    with pytest.raises(IllegalTransition):
        after(a_record(), "started", "submitting", "expire_requested", "expire_requested")


def test_an_attempt_that_runs_on_stays_open() -> None:
    record = run_on()

    assert record.runs_on
    assert (record.charged, record.cost.actual) == ("unknown", None)
    assert record.internal.attempts[-1].ended_at is None


def test_an_expired_job_keeps_what_was_finished_anyway() -> None:
    outputs = [Output(url="http://there/0.png")]
    expired = Expired(problem=Deadline().problem(), charged="yes", outputs=outputs, answer="{}")
    record = after(a_record(), "started", "submitting", "submitted", expired)

    assert record.internal.outputs == outputs
    assert record.internal.attempts[-1].answer == "{}"
    assert not record.runs_on


def test_what_came_after_the_end_was_paid_for() -> None:
    outputs = [Output(url="http://there/0.png")]
    record = after(run_on(), completed(outputs=outputs, charged="yes", outcome="rendered"))

    assert (record.status, record.charged) == ("expired", "yes")
    assert record.cost.actual == Decimal("0.5")
    assert record.error
    assert record.error.charged == "yes"
    assert record.internal.outputs == outputs
    assert not record.runs_on


OUTPUTS = [Output(url="http://there/0.png")]
MISSING = [Withheld(index=1, reason="no_output")]


@pytest.mark.parametrize(
    "end",
    [
        Canceled(charged="yes", outputs=OUTPUTS, withheld=MISSING),
        Expired(problem=Deadline().problem(), outputs=OUTPUTS, withheld=MISSING),
    ],
    ids=["canceled", "expired"],
)
def test_what_was_finished_anyway_says_what_is_missing(end: JobEvent) -> None:
    record = after(a_record(), "started", "submitting", "submitted", end)

    assert (record.internal.outputs, record.withheld) == (OUTPUTS, MISSING)


def test_an_end_that_knows_nothing_of_outputs_leaves_what_is_known() -> None:
    rendered = Rendered(run=1, outputs=OUTPUTS, withheld=MISSING)
    record = after(a_record(), "started", "submitting", rendered, Canceled())

    assert (record.internal.outputs, record.withheld) == (OUTPUTS, MISSING)


def test_what_came_after_the_end_says_what_is_missing() -> None:
    late = completed(outputs=OUTPUTS, withheld=MISSING, charged="yes", outcome="rendered")

    assert after(run_on(), late).withheld == MISSING
    twice = ("started", "submitting", "submit_unknown", "retry_scheduled")
    done = after(a_record(), *twice, "started", "submitting", "rendered", "succeeded")
    assert after(done, late).withheld == done.withheld == []


def test_an_attempt_that_was_rendered_is_not_forgotten_by_who_looked_for_it_too_early() -> None:
    """Its look-up saw nothing, and is written after the response."""
    rendered = after(run_on(), completed(outputs=OUTPUTS, charged="yes", outcome="rendered"))
    too_early = completed(charged="no", outcome=SubmitOutcomeUnknown.code)

    record = after(rendered, too_early)

    [attempt] = record.internal.attempts
    assert (attempt.outcome, attempt.charged, record.internal.outputs) == (
        "rendered",
        "yes",
        OUTPUTS,
    )
    assert not adds_information(rendered, too_early)


def test_an_attempt_that_was_stopped_in_time_cost_nothing() -> None:
    record = after(run_on(), completed(charged="no", outcome="canceled"))

    assert (record.charged, record.cost.actual) == ("no", Decimal(0))


def test_the_request_is_known_before_its_end_is() -> None:
    expired = Expired(problem=Deadline().problem(), runs_on=True)
    record = after(a_record(), "started", "submitting", expired, completed(request_id="late"))

    assert record.internal.attempts[-1].request_id == "late"
    assert record.runs_on


def test_one_attempt_alone_does_not_say_what_the_others_cost() -> None:
    twice = ("started", "submitting", "submit_unknown", "retry_scheduled") * 2
    record = after(a_record(parameters={"price": "0.5"}), *twice, "canceled", charged="unknown")

    assert record.charged == "unknown"
    assert after(record, completed(charged="no")).charged == "unknown"
    assert after(record, completed(charged="yes")).cost.actual == Decimal("0.5")
    both = AttemptCompleted(run=2, ended=17, charged="no")
    assert after(record, completed(charged="no"), both).charged == "no"


def test_what_is_learned_twice_is_paid_once() -> None:
    paid = completed(charged="yes", outcome="rendered")

    assert after(run_on(), paid, paid).cost.actual == Decimal("0.5")


def test_nothing_is_learned_about_an_attempt_that_never_was() -> None:
    with pytest.raises(IllegalTransition):
        after(run_on(), AttemptCompleted(run=99, ended=17, charged="yes"))


def test_a_success_keeps_its_outputs() -> None:
    twice = ("started", "submitting", "submit_unknown", "retry_scheduled")
    record = after(a_record(), *twice, "started", "submitting", "rendered", "succeeded")
    late = completed(outputs=[Output(url="http://there/late.png")], charged="yes")

    assert after(record, late).internal.outputs == record.internal.outputs


@pytest.mark.parametrize(
    "order", [("pruned", "attempt_completed"), ("attempt_completed", "pruned")]
)
def test_a_job_knows_where_it_ended_whatever_follows(order: tuple[str, ...]) -> None:
    ended = {"pruned": Pruned(ended=17), "attempt_completed": completed(charged="no")}
    record = run_on()
    assert record.ended(17) == 17

    record = after(record, ended[order[0]])
    assert record.ended(20) == 17
    assert after(record, ended[order[1]]).ended(23) == 17


# -- what is kept no longer


@pytest.mark.parametrize("end", ["failed", "canceled", "expired"])
def test_a_job_is_pruned_once(end: str) -> None:
    with pytest.raises(IllegalTransition, match="pruned may not follow"):
        after(a_record(), end, "pruned", "pruned")


def test_a_pruned_job_knows_where_it_ended() -> None:
    record = after(a_record(), "failed", Pruned(ended=17))

    assert record.internal.remains
    assert record.internal.remains.ended == 17


# -- taking over


def test_a_retry_from_poll_asks_for_the_old_request_and_pays_nothing() -> None:
    old = Submitted(run=1, request_id="old-request")
    record = after(accepted("1.5", "poll"), "started", old)
    [attempt] = record.internal.attempts

    assert (attempt.request_id, attempt.endpoint) == ("old-request", "picture")
    assert (attempt.price, attempt.charged) == (Decimal(0), "no")
    assert attempt.submitting_at is None


def test_a_retry_from_poll_ends_with_what_the_old_request_gave() -> None:
    old = Submitted(run=1, request_id="old-request")
    record = after(accepted("1.5", "poll"), "started", old, "rendered", "succeeded", charged="yes")

    assert record.status == "succeeded"
    assert record.charged == "no"
    assert record.cost.actual == 0


def test_a_retry_from_download_only_fetches() -> None:
    record = accepted("1.5", "download")
    old = record.internal.takeover
    assert old is not None
    fetched = Rendered(run=1, outputs=old.outputs, charged="no")
    record = after(record, "started", fetched, "succeeded")

    assert record.status == "succeeded"
    assert record.internal.attempts == []
    assert record.cost.actual == 0


# -- size


def tried_often(prompt: str, times: int) -> Record:
    """A job that somebody submits again and again."""
    record = a_record(prompt=prompt)
    for _ in range(times):
        record = after(record, "started", "submitting", "submit_unknown", "retry_scheduled")
    return record


def sizes(record: Record) -> list[int]:
    return [len(attempt.model_dump_json().encode()) for attempt in record.internal.attempts]


def test_attempts_stay_within_their_budget() -> None:
    record = tried_often("a lighthouse " * 1500, times=15)

    assert 1 < len(record.internal.attempts) < 15
    assert sum(sizes(record)) <= ATTEMPTS_BUDGET


def test_attempts_stay_within_their_budget_in_every_script() -> None:
    record = tried_often("🗼" * 20_000, times=15)

    assert len(record.internal.attempts) == 1 or sum(sizes(record)) <= ATTEMPTS_BUDGET


def test_the_latest_attempts_are_those_that_are_kept() -> None:
    record = tried_often("a lighthouse " * 1500, times=15)

    numbers = [attempt.number for attempt in record.internal.attempts]
    assert numbers == list(range(15 - len(numbers) + 1, 16))


def test_the_latest_attempt_is_kept_however_large_it_is() -> None:
    huge = Submitting(
        run=2, endpoint="e", prompt="p" * ATTEMPTS_BUDGET, arguments={}, references=[]
    )
    record = after(a_record(), "started", "submitting", "retry_scheduled", "started", huge)

    assert [attempt.prompt for attempt in record.internal.attempts] == [huge.prompt]
