"""An attempt is repeated only when it surely cost nothing; every other end is told as it is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.contracts.attempts import Bill, Takeover
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    OutputRefused,
    OverBudget,
    Poison,
    ProviderAuth,
    ProviderBalance,
    ProviderProtocol,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
    Unavailable,
)
from heliograph.contracts.job_events import (
    Canceled,
    CancelRequested,
    Expired,
    ExpireRequested,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged, FieldError, NextAction, ProviderNote
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.contracts.state_machine.attempts import ATTEMPTS_BUDGET
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record
from services.render.job_problem import job_problem
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import RateLimited
from services.render.settings import RenderSettings
from services.render.worker.backoff import backoff
from services.render.worker.outcomes import (
    after_poll,
    after_unknown,
    not_sent_again,
    postponed_start,
    restart_or_poison,
    retry_or_fail,
    timeout_state,
    unknown_outcome_problem,
)
from services.render.worker.poll_interval import poll_interval
from tests.support.records import CATALOG, a_record, a_request, taking_over

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUTPUTS = [Output(url="http://there/0.png")]
SOME_FIELDS = [FieldError(pointer="/prompt", detail="too long")]
SIX_BYTES = "\x01"  #: as JSON writes it
HALF_A_LETTER = "\ud800"  #: which JSON can escape, and UTF-8 cannot carry
ROOM = 2**20 - ATTEMPTS_BUDGET  #: bytes, beside what a job keeps of its earlier attempts

thorough = settings(max_examples=100, deadline=None)


@pytest.fixture
def operator() -> RenderSettings:
    """What an operator leaves as it is: three attempts, 2 to 60 seconds between them."""
    return RenderSettings()


def without_response() -> Record:
    """A job whose one POST was sent, and never answered."""
    record = apply(a_record(parameters={"price": "0.003"}), Started(run=1), NOW)
    return apply(record, submission(1), NOW)


def sent(attempt: int = 1, price: str = "0.003") -> Record:
    """A job whose request was accepted, at its first or a later attempt."""
    record = a_record(parameters={"price": price})
    for run in range(1, attempt + 1):
        if run > 1:
            again = RetryScheduled(not_before=NOW, reason="x", detail="y")
            record = apply(record, again, NOW)
        record = apply(record, Started(run=run), NOW)
        record = apply(record, submission(run), NOW)
        record = apply(record, Submitted(run=run, request_id=f"request-{run}"), NOW)
    return record


def submission(run: int) -> Submitting:
    return Submitting(run=run, endpoint="picture", prompt="p", arguments={}, references=[])


def taken_over() -> Record:
    """A job that asks for an old request."""
    takeover = Takeover(job="job_old", account="sim", endpoint="picture", request_id="old")
    caller = RequestIdentity(project="demo", job="job_new")
    record = taking_over(build_record(a_request(), caller, CATALOG, NOW), takeover)
    record = apply(record, Started(run=1), NOW)
    return apply(record, Submitted(run=1, request_id="old"), NOW)


# -- again, or failed


@pytest.mark.parametrize("error", [ProviderUnavailable(), ProviderTimeout()])
@pytest.mark.parametrize("attempt", [1, 2])
def test_what_may_pass_is_tried_again(
    operator: RenderSettings, error: JobError, attempt: int
) -> None:
    fact = retry_or_fail(sent(attempt), error, NOW, operator)

    assert isinstance(fact, RetryScheduled)
    assert (fact.reason, fact.counted, fact.charged) == (error.code, True, "no")
    assert fact.detail == f"attempt {attempt} failed: {error}"
    assert NOW <= fact.not_before <= NOW + timedelta(seconds=2**attempt)


def test_the_last_attempt_is_the_last(operator: RenderSettings) -> None:
    fact = retry_or_fail(sent(3), ProviderUnavailable(), NOW, operator)

    assert isinstance(fact, Failed)
    assert fact.problem.code == "provider_unavailable"


def test_an_operator_can_allow_no_second_attempt() -> None:
    fact = retry_or_fail(sent(), ProviderUnavailable(), NOW, RenderSettings(max_attempts=1))

    assert isinstance(fact, Failed)


@pytest.mark.parametrize("charged", ["yes", "unknown"])
def test_what_may_have_cost_something_is_never_repeated(
    operator: RenderSettings, charged: Charged
) -> None:
    fact = retry_or_fail(sent(), ProviderUnavailable(), NOW, operator, charged=charged)

    assert isinstance(fact, Failed)
    assert fact.charged == charged


@pytest.mark.parametrize(
    "error",
    [
        ProviderRejected,
        ContentPolicy,
        ProviderProtocol,
        NoOutput,
        OutputRefused,
        ReferenceFailed,
        Poison,
    ],
)
def test_what_will_not_pass_is_the_end(operator: RenderSettings, error: type[JobError]) -> None:
    fact = retry_or_fail(sent(), error(), NOW, operator, excerpt='{"detail":"no"}')

    assert isinstance(fact, Failed)
    assert (fact.problem.code, fact.answer) == (error.code, '{"detail":"no"}')


@pytest.mark.parametrize("error", [ProviderAuth, ProviderBalance])
@pytest.mark.parametrize("attempt", [1, 3, 9])
def test_what_an_operator_has_to_mend_is_waited_for(
    operator: RenderSettings, error: type[JobError], attempt: int
) -> None:
    fact = retry_or_fail(sent(attempt), error(), NOW, operator)

    assert isinstance(fact, RetryScheduled)
    assert (fact.counted, fact.reason) == (False, error.code)
    assert fact.not_before > NOW


def test_a_retry_waits_as_long_as_the_provider_says(operator: RenderSettings) -> None:
    fact = retry_or_fail(sent(), ProviderUnavailable(retry_after=7.5), NOW, operator)

    assert isinstance(fact, RetryScheduled)
    assert fact.not_before == NOW + timedelta(seconds=7.5)


@pytest.mark.parametrize("attempt", [1, 3, 9])
def test_rate_limits_use_up_no_attempt(operator: RenderSettings, attempt: int) -> None:
    fact = retry_or_fail(sent(attempt), RateLimited(retry_after=1), NOW, operator)

    assert isinstance(fact, RetryScheduled)
    assert (fact.counted, fact.charged) == (False, "no")
    assert fact.not_before == NOW + timedelta(seconds=1)


def test_a_job_that_took_a_request_over_is_not_sent_anywhere(operator: RenderSettings) -> None:
    fact = retry_or_fail(taken_over(), ProviderUnavailable(), NOW, operator)

    assert isinstance(fact, Failed)
    assert fact.problem.charged == "no"


# -- waiting


@thorough
@given(attempt=st.integers(1, 40), least=st.floats(0, 100), most=st.floats(0, 1000))
def test_a_wait_is_within_a_bound_that_doubles(attempt: int, least: float, most: float) -> None:
    operator = RenderSettings(backoff_min=least, backoff_max=most)

    assert 0 <= backoff(attempt, operator) <= min(most, least * 2 ** (attempt - 1))


def test_waits_are_spread_over_all_of_the_bound(operator: RenderSettings) -> None:
    waits = [backoff(4, operator) for _ in range(500)]

    assert min(waits) < 1
    assert max(waits) > 15
    assert len(set(waits)) > 400


# -- how a failure is told


@pytest.mark.parametrize("charged", ["no", "yes", "unknown"])
def test_a_failure_says_what_it_cost(charged: Charged) -> None:
    assert job_problem(sent(), ContentPolicy(), charged).charged == charged


@pytest.mark.parametrize("charged", ["no", "yes", "unknown"])
def test_what_is_free_cost_nothing(charged: Charged) -> None:
    assert job_problem(sent(price="0"), ContentPolicy(), charged).charged == "no"


def test_a_failed_job_is_not_an_http_error() -> None:
    assert job_problem(sent(), OutputRefused(), "no").status is None


def test_a_failure_says_what_can_be_done() -> None:
    assert [a.kind for a in job_problem(sent(), ContentPolicy(), "no").next_actions] == ["retry"]


def test_what_the_error_itself_advises_comes_first() -> None:
    action = NextAction(kind="change_request", label="Leave the boat out")

    problem = job_problem(sent(), ProviderRejected(next_actions=[action]), "no")

    assert problem.next_actions == [action]


def test_the_error_of_a_job_and_the_job_tell_the_same_charge(operator: RenderSettings) -> None:
    again = RetryScheduled(not_before=NOW, reason="x", detail="y", charged="unknown", key="k")
    record = apply(a_record(parameters={"price": "0.003"}), Started(run=1), NOW)
    record = apply(record, submission(1), NOW)
    record = apply(record, SubmitUnknown(run=1, problem=unknown_outcome_problem(record)), NOW)
    for fact in (again, Started(run=2), submission(2)):
        record = apply(record, fact, NOW)

    record = apply(record, retry_or_fail(record, ProviderRejected(), NOW, operator), NOW)

    assert record.error is not None
    assert record.error.charged == record.charged


def test_a_lost_reply_is_reported_with_its_reason_in_the_job_and_in_its_attempt() -> None:
    record = without_response()

    problem = unknown_outcome_problem(record, "502 Bad Gateway: upstream closed the connection")
    after = apply(record, SubmitUnknown(run=1, problem=problem, answer="502 Bad Gateway"), NOW)

    assert after.error is not None
    assert "502 Bad Gateway: upstream closed the connection" in after.error.detail
    assert after.internal.attempts[-1].answer == "502 Bad Gateway"


def test_a_request_found_later_keeps_the_reason_of_its_lost_reply() -> None:
    record = without_response()
    record = apply(
        record,
        SubmitUnknown(run=1, problem=unknown_outcome_problem(record), answer="502 Bad Gateway"),
        NOW,
    )

    submitted = apply(record, Submitted(run=1, request_id="request"), NOW)

    assert submitted.error is None
    assert submitted.internal.attempts[-1].answer == "502 Bad Gateway"


# -- whatever a provider says, it can be written down


def wordy(kind: type[JobError], long: str) -> JobError:
    fields = [FieldError(pointer=f"/{long}", detail=long)] * 20 + SOME_FIELDS * 10_000
    note = ProviderNote(name="n", request_id=long, code=long)
    return kind(long, errors=fields, provider=note)


def size(record: Record) -> int:
    return len(EventEnvelope.of("failed", record, NOW, "test").data())


@pytest.mark.parametrize("kind", [ProviderRejected, ProviderUnavailable, ProviderAuth])
@pytest.mark.parametrize("charged", ["no", "unknown"])
@pytest.mark.parametrize("letter", [SIX_BYTES, HALF_A_LETTER])
def test_an_error_fits_into_an_event_however_long_it_is(
    operator: RenderSettings, kind: type[JobError], charged: Charged, letter: str
) -> None:
    ended = RequestStopped(
        error=wordy(kind, letter * 2**20), charged=charged, excerpt=letter * 2**20
    )

    fact = after_poll(sent(), ended, NOW, operator)

    assert size(apply(sent(), fact, NOW)) < ROOM


def test_a_reason_that_is_cut_looks_like_it(operator: RenderSettings) -> None:
    fields = ProviderUnavailable("x" * 2**21)

    again = retry_or_fail(sent(), fields, NOW, operator)
    failed = retry_or_fail(sent(3), fields, NOW, operator)

    assert isinstance(again, RetryScheduled)
    assert isinstance(failed, Failed)
    for detail in (again.detail, failed.problem.detail):
        assert detail.endswith("xxx…")
        assert len(detail) < 1100


def test_outputs_fit_into_an_event_however_many_there_are(
    operator: RenderSettings,
) -> None:
    outputs = [Output(url=f"http://there/{number:04000}") for number in range(10_000)]
    record = sent().model_copy(update={"arguments": {"num_images": 10_000}})

    fact = after_poll(
        record, RequestSucceeded(outputs=outputs, excerpt=SIX_BYTES * 2**20), NOW, operator
    )

    assert isinstance(fact, Rendered)
    assert fact.outputs == outputs[: len(fact.outputs)]
    assert fact.detail == f"the first {len(fact.outputs)} of 10000 outputs are kept"
    assert size(apply(record, fact, NOW)) < ROOM


# -- starts that nobody answered


def intended() -> Record:
    """A job whose request is about to be sent."""
    record = a_record(parameters={"price": "0.003"})
    for fact in (Started(run=1), submission(1)):
        record = apply(record, fact, NOW)
    return record


def test_a_start_without_a_submission_is_not_an_attempt(operator: RenderSettings) -> None:
    fact = restart_or_poison(intended(), NOW, operator)
    again = apply(intended(), fact, NOW)

    assert isinstance(fact, RetryScheduled)
    assert (again.attempt, again.internal.unanswered, again.charged) == (0, 1, "no")


def test_ten_starts_in_a_row_without_an_answer_are_poison(operator: RenderSettings) -> None:
    record, starts = intended(), 1
    while isinstance(fact := restart_or_poison(record, NOW, operator), RetryScheduled):
        record = apply(record, fact, NOW)
        record = apply(record, Started(run=record.internal.run + 1), NOW)
        record = apply(record, submission(record.internal.run), NOW)
        starts += 1

    assert starts == operator.max_unanswered == 10
    assert isinstance(fact, Failed)
    assert (fact.problem.code, fact.charged, fact.problem.charged) == ("poison", "no", "no")


def test_a_start_that_our_services_keep_from_beginning_is_not_counted(
    operator: RenderSettings,
) -> None:
    record = apply(a_record(), Started(run=1), NOW)
    fact = postponed_start(Unavailable("storage gives no addresses"), NOW, operator)
    again = apply(record, fact, NOW)

    assert (again.attempt, again.internal.unanswered, again.charged) == (0, 0, "no")
    assert again.internal.not_before == NOW + timedelta(seconds=operator.backoff_min)


def test_poison_is_charged_by_what_was_charged_before(operator: RenderSettings) -> None:
    before = intended().model_copy(update={"charged": "unknown"})
    fact = restart_or_poison(before, NOW, operator.model_copy(update={"max_unanswered": 1}))

    assert isinstance(fact, Failed)
    assert apply(before, fact, NOW).charged == fact.problem.charged == "unknown"


@pytest.mark.parametrize(
    "event",
    [
        Submitted(run=1, request_id="r"),
        RetryScheduled(not_before=NOW, reason="provider_unavailable", detail="x"),
    ],
)
def test_an_answer_ends_the_row(operator: RenderSettings, event: JobEvent) -> None:
    internal = intended().internal.model_copy(update={"unanswered": 9})
    record = intended().model_copy(update={"internal": internal})

    assert apply(record, event, NOW).internal.unanswered == 0


# -- the end of a request


@pytest.mark.parametrize("charged", ["yes", "unknown", "no"])
def test_a_finished_request_is_rendered(operator: RenderSettings, charged: Charged) -> None:
    done = RequestSucceeded(outputs=OUTPUTS, charged=charged, excerpt="{}")

    assert after_poll(sent(), done, NOW, operator) == Rendered(
        run=1, outputs=OUTPUTS, charged=charged, answer="{}"
    )


@pytest.mark.parametrize(
    ("fields", "made", "kept"),
    [
        ({}, 1, 1),
        ({}, 9, 1),
        ({"parameters": {"num_images": 4}}, 9, 4),
        ({"parameters": {"num_images": 4}}, 3, 3),
        ({"parameters": {"num_images": 2}, "arguments": {"num_images": 3}}, 9, 3),
        ({"arguments": {"num_outputs": 2}}, 9, 2),
        ({"arguments": {"n": "many"}}, 2, 1),
    ],
)
def test_of_more_outputs_than_requested_the_first_are_kept(
    operator: RenderSettings, fields: dict[str, Any], made: int, kept: int
) -> None:
    outputs = [Output(url=f"http://there/{number}.png") for number in range(made)]
    record = sent().model_copy(update={"parameters": {}, "arguments": {}, **fields})

    fact = after_poll(record, RequestSucceeded(outputs=outputs), NOW, operator)

    assert isinstance(fact, Rendered)
    assert fact.outputs == outputs[:kept]
    detail = f"the first {kept} of {made} outputs are kept" if made > kept else None
    assert apply(record, fact, NOW).detail == detail


def test_a_word_about_references_stays_beside_one_about_outputs(operator: RenderSettings) -> None:
    record = sent().model_copy(update={"detail": "the first 2 of 3 references are used"})
    fact = after_poll(record, RequestSucceeded(outputs=OUTPUTS * 2), NOW, operator)

    assert apply(record, fact, NOW).detail == (
        "the first 2 of 3 references are used; the first 1 of 2 outputs are kept"
    )


def test_a_request_that_ended_without_a_charge_may_be_repeated(operator: RenderSettings) -> None:
    ended = RequestStopped(error=ProviderUnavailable(), charged="no")

    assert isinstance(after_poll(sent(), ended, NOW, operator), RetryScheduled)


def test_a_request_that_ended_with_one_is_not(operator: RenderSettings) -> None:
    fact = after_poll(sent(), RequestStopped(error=ContentPolicy(), charged="yes"), NOW, operator)

    assert isinstance(fact, Failed)
    assert (fact.charged, fact.problem.charged) == ("yes", "yes")


@pytest.mark.parametrize(
    ("state", "outputs"),
    [
        (RequestSucceeded(outputs=OUTPUTS, charged="yes"), OUTPUTS),
        (RequestStopped(error=ProviderUnavailable(), charged="yes"), []),
    ],
)
def test_a_stopped_job_is_canceled_and_keeps_finished_outputs(
    operator: RenderSettings, state: RequestSucceeded | RequestStopped, outputs: list[Output]
) -> None:
    record = apply(sent(), CancelRequested(mode="stop"), NOW)

    assert after_poll(record, state, NOW, operator) == Canceled(charged="yes", outputs=outputs)


@pytest.mark.parametrize(
    ("state", "outputs"),
    [
        (RequestSucceeded(outputs=OUTPUTS, charged="yes", excerpt="{}"), OUTPUTS),
        (RequestStopped(error=ProviderUnavailable(), charged="no", excerpt="{}"), []),
    ],
)
def test_what_is_past_its_deadline_expires_and_keeps_what_was_finished(
    operator: RenderSettings, state: RequestSucceeded | RequestStopped, outputs: list[Output]
) -> None:
    record = apply(sent(), ExpireRequested(), NOW)
    fact = after_poll(record, state, NOW, operator)

    assert isinstance(fact, Expired)
    assert (fact.charged, fact.outputs, fact.answer) == (state.charged, outputs, "{}")
    assert (fact.problem.code, fact.problem.charged) == ("deadline", state.charged)


@pytest.mark.parametrize("wish", [CancelRequested(mode="stop"), ExpireRequested()])
def test_what_was_finished_anyway_says_what_is_missing(
    operator: RenderSettings, wish: CancelRequested | ExpireRequested
) -> None:
    missing = [Withheld(index=1, reason="no_output")]
    done = RequestSucceeded(outputs=OUTPUTS[:1], withheld=missing, usual=2)

    fact = after_poll(apply(sent(), wish, NOW), done, NOW, operator)

    assert isinstance(fact, Canceled | Expired)
    assert (fact.outputs, fact.withheld) == (OUTPUTS[:1], missing)


@pytest.mark.parametrize("wish", [CancelRequested(mode="stop"), ExpireRequested()])
def test_what_was_finished_anyway_costs_what_is_billed(
    operator: RenderSettings, wish: CancelRequested | ExpireRequested
) -> None:
    record = apply(sent(), wish, NOW)
    bill = Bill(units={"billable_units": Decimal("1.5")}, cost=Decimal("0.0045"))

    fact = after_poll(record, RequestSucceeded(outputs=OUTPUTS, bill=bill), NOW, operator)

    ended = apply(record, fact, NOW)
    assert (ended.cost.actual, ended.internal.attempts[-1].bill) == (bill.cost, bill)


def test_a_cancel_request_takes_precedence_over_a_deadline(operator: RenderSettings) -> None:
    record = apply(apply(sent(), ExpireRequested(), NOW), CancelRequested(mode="stop"), NOW)

    assert isinstance(
        after_poll(record, RequestSucceeded(outputs=OUTPUTS), NOW, operator), Canceled
    )


def test_a_detached_job_runs_on(operator: RenderSettings) -> None:
    record = apply(sent(), CancelRequested(mode="detach"), NOW)

    assert isinstance(
        after_poll(record, RequestSucceeded(outputs=OUTPUTS), NOW, operator), Rendered
    )


def test_a_timed_out_attempt_has_an_unknown_charge(operator: RenderSettings) -> None:
    record = a_record(parameters={"timeout_seconds": 2.5, "price": "0.003"})

    ended = timeout_state(record)

    assert (ended.error.code, ended.charged) == ("provider_timeout", "unknown")
    assert str(ended.error) == "not finished within 2.5 s"
    assert isinstance(after_poll(sent(), ended, NOW, operator), Failed)


def test_an_unknown_submission_lists_the_possible_decisions() -> None:
    problem = unknown_outcome_problem(sent())

    assert (problem.code, problem.charged, problem.status) == ("submit_unknown", "unknown", None)
    assert [action.kind for action in problem.next_actions] == ["retry", "cancel", "wait"]


def test_an_unknown_submission_that_is_free_was_not_charged() -> None:
    assert unknown_outcome_problem(sent(price="0")).charged == "no"


@thorough
@given(st.floats(min_value=0, max_value=7_200))
def test_an_end_is_noticed_early_for_how_long_it_took(seconds: float) -> None:
    wait = poll_interval(seconds, RenderSettings())

    assert 0.25 <= wait <= 2.0
    assert wait <= max(0.25, 0.04 * seconds)


def test_the_first_poll_does_not_hurry() -> None:
    assert poll_interval(0, RenderSettings()) == RenderSettings().poll_min


# -- outputs that are missing, or flagged


def places(outputs: list[Output]) -> list[int | None]:
    return [output.index for output in outputs]


def test_missing_outputs_are_reported_with_the_others(operator: RenderSettings) -> None:
    record = sent().model_copy(update={"parameters": {"num_images": 3}})
    outputs = [Output(url="http://there/0.png"), Output(url="http://there/2.png", index=2)]
    done = RequestSucceeded(outputs=outputs, withheld=[Withheld(index=1, reason="no_output")])

    after = apply(record, after_poll(record, done, NOW, operator), NOW)

    assert [(each.index, each.reason) for each in after.withheld] == [(1, "no_output")]
    assert after.detail == "1 of 3 outputs withheld: no_output"
    assert after.internal.outputs == outputs


def test_nothing_is_missing_where_enough_is_there(operator: RenderSettings) -> None:
    done = RequestSucceeded(
        outputs=[Output(url="http://there/1.png", index=1)],
        withheld=[Withheld(index=0, reason="no_output")],
    )

    fact = after_poll(sent(), done, NOW, operator)

    assert isinstance(fact, Rendered)
    assert (fact.withheld, fact.detail) == ([], None)


def test_a_flagged_output_leaves_its_place_to_a_good_one(operator: RenderSettings) -> None:
    record = sent().model_copy(update={"parameters": {"num_images": 2}})
    outputs = [Output(url=f"http://there/{n}.png", flagged=n in (0, 2)) for n in range(4)]

    fact = after_poll(record, RequestSucceeded(outputs=outputs), NOW, operator)

    assert isinstance(fact, Rendered)
    assert [output.url for output in fact.outputs] == ["http://there/1.png", "http://there/3.png"]
    assert places(fact.outputs) == [1, 3]
    assert fact.detail == "the first 2 of 4 outputs are kept"


def test_flagged_outputs_are_kept_where_there_are_no_others(operator: RenderSettings) -> None:
    record = sent().model_copy(update={"parameters": {"num_images": 2}})
    outputs = [Output(url="http://there/0.png"), Output(url="http://there/1.png", flagged=True)]

    fact = after_poll(record, RequestSucceeded(outputs=outputs), NOW, operator)

    assert isinstance(fact, Rendered)
    assert fact.outputs == outputs
    assert fact.detail == "1 of 2 outputs withheld: content_policy"


def test_unrequested_outputs_of_a_model_are_kept_as_they_are_paid_for(
    operator: RenderSettings,
) -> None:
    outputs = [Output(url=f"http://there/{number}.png") for number in range(4)]

    fact = after_poll(sent(), RequestSucceeded(outputs=outputs, usual=4), NOW, operator)

    assert isinstance(fact, Rendered)
    assert (fact.outputs, fact.detail) == (outputs, None)


def in_doubt(attempt: int = 1, **policy: Any) -> Record:
    """A job whose last attempt was sent, and nobody knows what became of it."""
    record = a_record(parameters={"price": "0.003"}, on_ambiguous=policy or {"action": "ask"})
    for run in range(1, attempt + 1):
        record = apply(record, Started(run=run), NOW)
        record = apply(record, submission(run), NOW)
        record = apply(record, SubmitUnknown(run=run, problem=unknown_outcome_problem(record)), NOW)
        if run < attempt:
            again = RetryScheduled(not_before=NOW, reason="x", detail="y", charged="unknown")
            record = apply(record, again, NOW)
    return record


def test_a_request_may_say_that_a_lost_submission_is_sent_again(operator: RenderSettings) -> None:
    record = in_doubt(action="resubmit", below="0.003")

    fact = after_unknown(record, NOW, operator)

    assert isinstance(fact, RetryScheduled)
    assert (fact.charged, fact.counted, fact.reason) == ("unknown", True, "submit_unknown")
    again = apply(record, fact, NOW)
    assert (again.charged, again.internal.attempts[-1].charged) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("attempt", "policy"),
    [
        (1, {"action": "ask"}),
        (1, {"action": "resubmit", "below": "0.002"}),
        (3, {"action": "resubmit", "below": "1"}),
    ],
    ids=["nothing said", "it costs more", "enough attempts"],
)
def test_else_a_person_decides(
    operator: RenderSettings, attempt: int, policy: dict[str, str]
) -> None:
    assert after_unknown(in_doubt(attempt, **policy), NOW, operator) is None


def test_a_job_says_once_why_it_is_not_sent_again_over_budget() -> None:
    raise_ = NextAction(kind="raise_budget", label="Raise it")
    refused = OverBudget("0.01 is left", next_actions=[raise_])
    record = in_doubt(action="resubmit", below="1")

    fact = not_sent_again(record, refused)

    assert fact
    told = apply(record, fact, NOW)
    assert told.error
    assert told.error.detail.endswith("because 0.01 is left")
    assert [each.kind for each in told.error.next_actions] == [
        "retry",
        "cancel",
        "wait",
        "raise_budget",
    ]
    assert (told.step, told.charged) == (record.step, "unknown")
    assert not_sent_again(told, refused) is None


def test_a_job_that_is_to_be_stopped_is_not_sent_again(operator: RenderSettings) -> None:
    record = in_doubt(action="resubmit", below="1")

    assert after_unknown(apply(record, CancelRequested(mode="stop"), NOW), NOW, operator) is None
