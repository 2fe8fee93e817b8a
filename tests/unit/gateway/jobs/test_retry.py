"""A retry begins at the cheapest step that can work, and nothing is paid for unasked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.errors import (
    ContentPolicy,
    Deadline,
    IdempotencyKeyRequired,
    JobError,
    ModelUnavailable,
    NoOutput,
    NotFound,
    OutputExpired,
    OutputRefused,
    OutputTooLarge,
    Poison,
    ProviderProtocol,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    StateConflict,
    StorageFailed,
    SubmitOutcomeUnknown,
    ValidationFailed,
    every_error,
)
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import (
    AttemptCompleted,
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
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retries import next_actions
from heliograph.contracts.retry_requests import RetryFrom, RetryRequest
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus.transitions import append_event
from heliograph.runtime.clock import now
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.work_queue import MemoryWorkQueue
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.acceptance import AcceptResult
from services.gateway.jobs.retry import (
    merge_changes,
    resume_from,
    resume_point,
    retry_digest,
    retry_in_place,
    retry_record,
)
from tests.support.records import CATALOG, a_record

OUTPUTS = [Output(url="http://there/0.png"), Output(upload="sha256:" + "0" * 64)]
LATE_OUTPUT = [Output(url="http://there/late.png")]
ASK = RetryRequest()
ERRORS = [each for each in every_error(JobError) if each.__module__ == JobError.__module__]
JOB_ERRORS = [each for each in ERRORS if not set(each.__subclasses__()) & set(ERRORS)]
PAY = RetryRequest.model_validate({"from": "submit"})

started = Started(run=1)
submitting = Submitting(run=1, endpoint="picture", prompt="p", arguments={}, references=[])
submitted = Submitted(run=1, request_id="request-1")
rendered = Rendered(run=1, outputs=OUTPUTS)
in_the_dark = SubmitUnknown(run=1, problem=SubmitOutcomeUnknown().problem())
again = RetryScheduled(not_before=now(), reason="provider_unavailable", detail="again")
expired = Expired(problem=Deadline().problem())
came_late = AttemptCompleted(run=1, ended=7, outputs=LATE_OUTPUT, outcome="rendered", charged="yes")


def failed(error: type[JobError]) -> Failed:
    return Failed(problem=error().problem())


def after(record: Record, *facts: JobEvent) -> Record:
    for fact in facts:
        record = apply(record, fact, record.internal.changed_at + timedelta(seconds=1))
    return record


def ended(*facts: JobEvent, **fields: Any) -> Record:
    """A job to which this happened."""
    return after(a_record(**fields), *facts)


def ask(changes: dict[str, Any] | None = None, step: str | None = None) -> RetryRequest:
    return RetryRequest.model_validate({"from": step, "changes": changes or {}})


def someone(key: str | None = None) -> RequestIdentity:
    return RequestIdentity(project="demo", job=new_job_id(), key=key)


# -- from where

SENT = (started, submitting, submitted)

CHEAPEST: list[tuple[RetryFrom, tuple[JobEvent, ...]]] = [
    ("submit", (Canceled(),)),
    ("submit", (expired,)),
    ("submit", (started, Canceled())),
    ("submit", (started, submitting, failed(ProviderRejected))),
    ("submit", (started, submitting, failed(ProviderUnavailable))),
    ("submit", (started, submitting, failed(Poison))),
    ("submit", (started, submitting, expired)),
    ("submit", (started, submitting, in_the_dark, Canceled())),
    ("submit", (started, submitting, in_the_dark, failed(SubmitOutcomeUnknown))),
    ("submit", (started, submitting, in_the_dark, expired)),
    ("submit", (*SENT, failed(ContentPolicy))),
    ("submit", (*SENT, failed(ProviderProtocol))),
    ("submit", (*SENT, failed(NoOutput))),
    ("poll", (*SENT, failed(ProviderTimeout))),
    ("poll", (*SENT, failed(ProviderUnavailable))),
    ("poll", (*SENT, failed(Poison))),
    ("poll", (*SENT, expired)),
    ("poll", (*SENT, Canceled())),
    ("poll", (started, submitting, in_the_dark, submitted, Canceled())),
    ("download", (*SENT, Canceled(charged="yes", outputs=OUTPUTS))),
    ("download", (*SENT, rendered, Canceled())),
    ("download", (*SENT, rendered, expired)),
    ("download", (*SENT, rendered, failed(StorageFailed))),
    ("download", (*SENT, rendered, failed(Poison))),
    ("download", (started, submitting, rendered, failed(StorageFailed))),
    ("download", (*SENT, rendered, failed(OutputRefused))),
    ("download", (*SENT, rendered, failed(OutputTooLarge))),
    ("poll", (*SENT, rendered, failed(OutputExpired))),
    ("submit", (started, submitting, rendered, failed(OutputExpired))),
    ("download", (*SENT, rendered, failed(OutputRefused))),
    ("download", (*SENT, rendered, failed(OutputTooLarge))),
    ("submit", (*SENT, rendered, failed(NoOutput))),
    ("download", (*SENT, failed(ProviderTimeout), came_late)),
    ("download", (*SENT, failed(ProviderUnavailable), came_late)),
    ("download", (started, submitting, in_the_dark, failed(SubmitOutcomeUnknown), came_late)),
    ("submit", (*SENT, failed(ContentPolicy), came_late)),
]


def name_of(value: object) -> str | None:
    """A story, as the name of a test."""
    if not isinstance(value, tuple):
        return None
    last = value[-1]
    reason = last.problem.code if isinstance(last, Failed) else last.name
    return " ".join([*(fact.name for fact in value[:-1]), reason])


@pytest.mark.parametrize(("step", "story"), CHEAPEST, ids=name_of)
def test_a_retry_begins_at_the_cheapest_step_that_can_work(
    step: RetryFrom, story: tuple[JobEvent, ...]
) -> None:
    assert resume_point(ended(*story), None) == step


@pytest.mark.parametrize(("step", "story"), CHEAPEST, ids=name_of)
def test_a_retry_may_request_a_new_submission(step: RetryFrom, story: tuple[JobEvent, ...]) -> None:
    assert resume_point(ended(*story), "submit") == "submit"


@pytest.mark.parametrize(
    ("start", "story"),
    [
        ("poll", (*SENT, failed(ContentPolicy))),
        ("poll", (*SENT, rendered, failed(StorageFailed))),
        ("download", (*SENT, rendered, failed(OutputRefused))),
    ],
)
def test_a_retry_may_choose_any_possible_step(
    start: RetryFrom, story: tuple[JobEvent, ...]
) -> None:
    assert resume_point(ended(*story), start) == start


@pytest.mark.parametrize(
    ("start", "story", "reason"),
    [
        ("download", (Canceled(),), "no outputs"),
        ("download", (*SENT, failed(ProviderTimeout)), "no outputs"),
        ("poll", (Canceled(),), "no request"),
        ("poll", (started, submitting, failed(ProviderRejected)), "no request"),
        ("poll", (started, submitting, in_the_dark, Canceled()), "no request"),
    ],
)
def test_a_retry_cannot_begin_at_an_impossible_step(
    start: RetryFrom, story: tuple[JobEvent, ...], reason: str
) -> None:
    with pytest.raises(StateConflict, match=reason):
        resume_point(ended(*story), start)


@pytest.mark.parametrize(
    "story",
    [
        (),
        (started,),
        (started, submitting),
        SENT,
        (started, submitting, in_the_dark),
        (started, submitting, again),
        (*SENT, rendered),
        (*SENT, rendered, Succeeded(assets=[])),
        (*SENT, CancelRequested(mode="stop")),
    ],
    ids=lambda story: story[-1].name if story else "accepted",
)
@pytest.mark.parametrize("start", [None, "submit"])
def test_only_what_ended_without_success_is_retried(
    start: RetryFrom | None, story: tuple[JobEvent, ...]
) -> None:
    with pytest.raises(StateConflict, match="cannot be retried"):
        resume_point(ended(*story), start)


def taking_over(**old: Any) -> Record:
    """A job that takes something over, and was stopped before it began."""
    caller = someone()
    fields = {"job": new_job_id(), "account": "sim", "endpoint": "picture", **old}
    first = a_record(job=caller.job)
    internal = first.internal.model_copy(update={"takeover": Takeover(**fields)})
    return after(first.model_copy(update={"internal": internal}), Canceled())


@pytest.mark.parametrize(
    ("step", "old"), [("poll", {"request_id": "old"}), ("download", {"outputs": OUTPUTS})]
)
def test_a_retry_of_a_retry_takes_over_what_the_first_one_was_to(
    step: RetryFrom, old: dict[str, Any]
) -> None:
    record = taking_over(**old)

    assert resume_point(record, None) == resume_point(record, step) == step
    assert resume_from(record, step) == Takeover(
        job=record.id, account="sim", endpoint="picture", **old
    )


def test_a_fresh_url_is_requested_once_per_request() -> None:
    first = ended(*SENT, rendered, failed(OutputExpired))
    over = resume_from(first, "poll")
    assert over
    internal = a_record().internal.model_copy(update={"takeover": over})
    again = after(
        a_record().model_copy(update={"internal": internal}),
        *(started, submitted, rendered, failed(OutputExpired)),
    )

    assert (resume_point(first, None), resume_point(again, None)) == ("poll", "submit")


@pytest.mark.parametrize("end", [Canceled(), expired], ids=["canceled", "expired"])
def test_a_completed_request_is_not_looked_up_again(end: JobEvent) -> None:
    record = ended(*SENT, again, end)

    assert resume_point(record, None) == "submit"


# -- what is taken over


def test_a_new_submission_takes_nothing_over() -> None:
    assert resume_from(ended(*SENT, rendered, Canceled()), "submit") is None


def test_asking_again_takes_the_request_over() -> None:
    record = ended(*SENT, failed(ProviderTimeout))

    assert resume_from(record, "poll") == Takeover(
        job=record.id, account="sim", endpoint="picture", request_id="request-1"
    )


def test_fetching_again_takes_the_outputs_over() -> None:
    record = ended(*SENT, rendered, failed(StorageFailed))

    assert resume_from(record, "download") == Takeover(
        job=record.id, account="sim", endpoint="picture", outputs=OUTPUTS
    )


@pytest.mark.parametrize("index", [0, 7])
def test_fetching_again_knows_which_outputs_were_never_there(index: int) -> None:
    """What storage refused is fetched again; what the provider did not give is not there again."""
    missing, refused = Withheld(index=1, reason="no_output"), Withheld(index=7, reason="x")
    outputs = [OUTPUTS[0].model_copy(update={"index": None if index == 0 else index})]
    there = Rendered(run=1, outputs=outputs, withheld=[missing])
    withheld = [missing, refused.model_copy(update={"index": index})]

    old = resume_from(
        ended(*SENT, there, replace(failed(StorageFailed), withheld=withheld)), "download"
    )

    assert old
    assert (old.outputs, old.withheld) == (outputs, [missing])
    again = taking_over(outputs=outputs, withheld=[missing])
    assert resume_from(again, "download") == old.model_copy(update={"job": again.id})


def test_fetching_again_takes_over_what_was_finished_after_a_stop() -> None:
    record = ended(*SENT, CancelRequested(mode="stop"), Canceled(outputs=LATE_OUTPUT))

    over = resume_from(record, "download")

    assert over is not None
    assert over.outputs == LATE_OUTPUT


def test_the_endpoint_is_handed_on_from_retry_to_retry() -> None:
    first = taking_over(endpoint="old-endpoint")

    over = resume_from(first, "poll")

    assert over is not None
    assert over.endpoint == "old-endpoint"


# -- the new job


def test_a_retry_asks_for_the_same() -> None:
    record = ended(
        Canceled(),
        slot="portrait/char-123",
        edit_prompt="at night",
        parameters={"seed": 7},
        references=[{"url": "https://example.com/a.png"}],
        priority="high",
        user="alice",
        tags={"show": "s1"},
        on_ambiguous={"action": "fail"},
    )

    new = retry_record(record, ASK, someone("k"), CATALOG)

    same = set(JobRequest.model_fields) & set(Record.model_fields)
    assert new.model_dump(include=same - {"finish_by"}) == record.model_dump(
        include=same - {"finish_by"}
    )
    assert new.internal.input_digest == record.internal.input_digest
    assert new.internal.on_ambiguous == record.internal.on_ambiguous


def with_arguments(record: Record, arguments: dict[str, Any], **fields: Any) -> Record:
    """A job of a time when any raw argument was accepted."""
    return record.model_copy(update={"arguments": arguments, **fields})


def test_a_retry_keeps_raw_arguments_that_the_model_takes() -> None:
    record = with_arguments(
        ended(Canceled()),
        {"acceleration": "high"},
        model="fal/flux-schnell",
        parameters={"num_images": 2},
    )

    new = retry_record(record, PAY, someone("k"), CATALOG)

    assert new.arguments == record.arguments
    assert new.cost.estimated == Decimal("0.006")


@pytest.mark.parametrize(
    ("arguments", "patch"),
    [
        ({"n": 8, "model": "dearer"}, {"arguments": {}}),
        ({"acceleration": "high", "image_size": "huge"}, {"arguments": {"acceleration": "high"}}),
        ({"acceleration": "warp"}, {"arguments": {}}),
        ({"prompt": "x", "seed": 7}, {"arguments": {}, "parameters": {"seed": 7}}),
    ],
    ids=str,
)
def test_a_retry_with_arguments_that_are_refused_now_says_how_it_is_accepted(
    arguments: dict[str, Any], patch: dict[str, Any]
) -> None:
    record = with_arguments(ended(Canceled()), arguments, model="fal/flux-schnell", parameters={})

    with pytest.raises(ValidationFailed) as error:
        retry_record(record, ASK, someone("k"), CATALOG)

    assert {each.pointer.split("/")[1] for each in error.value.errors} == {"arguments"}
    [action] = error.value.next_actions
    assert action.patch == patch
    new = retry_record(record, ask(patch, "submit"), someone("k"), CATALOG)
    assert new.arguments == patch["arguments"]


@pytest.mark.parametrize("step", ["poll", "download"])
def test_a_free_retry_needs_neither_model_nor_kind(step: RetryFrom) -> None:
    record = with_arguments(ended(*SENT, rendered, Canceled()), {"n": 8}, batch="b")
    kept = {n: m for n, m in CATALOG.models.items() if n != record.model}
    kinds = {n: k for n, k in CATALOG.kinds.items() if n != record.kind}
    catalog = CATALOG.model_copy(update={"models": kept, "kinds": kinds})

    new = retry_record(record, ask(step=step), someone(), catalog)

    assert new.internal.takeover == resume_from(record, step)
    assert (new.model, new.lane, new.batch) == (record.model, record.lane, "b")
    assert new.cost.estimated == 0


def test_a_request_is_not_polled_again_without_its_account() -> None:
    record = ended(*SENT, rendered, Canceled())
    catalog = CATALOG.without({"sim"})

    with pytest.raises(ModelUnavailable):
        retry_record(record, ask(step="poll"), someone(), catalog)
    assert retry_record(record, ask(step="download"), someone(), catalog).provider == "sim"


def test_a_retry_is_a_new_job_that_names_the_old_one() -> None:
    record = ended(*SENT, failed(ContentPolicy))
    caller = someone("k")

    new = retry_record(record, ASK, caller, CATALOG)

    assert (new.id, new.retry_of) == (caller.job, record.id)
    assert (new.step, new.revision, new.attempt) == (Step.ACCEPTED, 1, 0)
    assert new.internal.attempts == []
    assert (new.error, new.charged, new.cost.actual) == (None, "no", None)


def test_an_old_deadline_does_not_end_the_retry() -> None:
    record = ended(expired, finish_by=now() + timedelta(seconds=60))

    assert retry_record(record, ASK, someone("k"), CATALOG).finish_by is None


@pytest.mark.parametrize(
    ("step", "story"),
    [
        ("poll", (*SENT, failed(ProviderTimeout))),
        ("download", (*SENT, rendered, failed(StorageFailed))),
    ],
)
def test_what_is_taken_over_is_free_and_needs_no_key(
    step: RetryFrom, story: tuple[JobEvent, ...]
) -> None:
    record = ended(*story, parameters={"price": "0.5"})

    new = retry_record(record, ASK, someone(), CATALOG)

    assert new.cost.estimated == 0
    assert new.internal.takeover == resume_from(record, step)


def test_a_new_submission_costs_what_it_costs_and_needs_a_key() -> None:
    record = ended(Canceled(), parameters={"price": "0.5"})

    assert retry_record(record, PAY, someone("k"), CATALOG).cost.estimated == Decimal("0.5")
    with pytest.raises(IdempotencyKeyRequired):
        retry_record(record, PAY, someone(), CATALOG)


@pytest.mark.parametrize("key", ["k", None])
def test_a_paid_step_needs_explicit_consent(key: str | None) -> None:
    record = ended(Canceled(), parameters={"price": "0.5"})

    with pytest.raises(StateConflict, match=r"it costs 0\.5 USD") as refused:
        retry_record(record, ASK, someone(key), CATALOG)

    [action] = refused.value.next_actions
    assert (action.kind, action.patch) == ("retry", {"from": "submit"})


def test_a_step_that_costs_nothing_is_taken_at_once() -> None:
    assert retry_record(ended(Canceled()), ASK, someone(), CATALOG).cost.estimated == 0


@pytest.mark.parametrize("error", JOB_ERRORS, ids=lambda error: error.code)
@pytest.mark.parametrize("facts", [(started, submitting), SENT, (*SENT, rendered)], ids=len)
def test_the_first_retry_that_a_failed_job_offers_is_what_a_retry_does(
    error: type[JobError], facts: tuple[JobEvent, ...]
) -> None:
    record = ended(*facts, failed(error), parameters={"price": "0.5"})

    offered = [action.patch for action in next_actions(record) if action.kind == "retry"]

    assert offered[0] == {"from": resume_point(record, None)}
    assert offered[-1] == {"from": "submit"}
    for patch in offered:
        new = retry_record(record, RetryRequest.model_validate(patch), someone("k"), CATALOG)
        costs = patch == {"from": "submit"}
        assert new.cost.estimated == (Decimal("0.5") if costs else 0)
        assert (new.internal.takeover is None) == costs


def test_a_job_whose_request_is_to_be_changed_offers_no_paid_repetition() -> None:
    advice = NextAction(kind="change_request", label="Change the prompt")
    problem = ContentPolicy(next_actions=[advice]).problem()

    record = ended(*SENT, Failed(problem=problem, charged="yes"))

    assert next_actions(record) == [advice]


def test_changes_are_laid_over_the_old_request() -> None:
    record = ended(Canceled(), parameters={"seed": 7}, tags={"show": "s1"})
    changes = {"prompt": "the same, at night", "parameters": {"seed": 8}}

    new = retry_record(record, ask(changes), someone("k"), CATALOG)

    assert (new.prompt, new.parameters["seed"]) == ("the same, at night", 8)
    assert new.tags == {"show": "s1"}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"colour": "red"}, "/changes/colour"),
        ({"prompt": ""}, "/changes/prompt"),
        ({"references": [{"url": "x"}]}, "/changes/references/0/url"),
    ],
)
def test_changes_that_make_no_request_are_named(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as error:
        merge_changes(ended(Canceled()), "submit", changes)

    assert [each.pointer for each in error.value.errors] == [pointer]


def test_a_label_in_changes_is_named_as_everywhere() -> None:
    with pytest.raises(ValidationFailed) as error:
        merge_changes(ended(Canceled()), "submit", {"tags": {"a/b": "c"}})

    assert [each.pointer for each in error.value.errors] == ["/changes/tags/a~1b"]


@pytest.mark.parametrize("step", ["poll", "download"])
def test_what_exists_already_cannot_be_changed(step: RetryFrom) -> None:
    with pytest.raises(ValidationFailed) as error:
        merge_changes(ended(*SENT, rendered, Canceled()), step, {"prompt": "x"})

    assert [each.pointer for each in error.value.errors] == ["/changes"]


# -- what a key stands for


def test_the_same_retry_has_the_same_digest() -> None:
    record = ended(Canceled())
    one = ask({"prompt": "x", "priority": "low"}, step="submit")
    another = ask({"priority": "low", "prompt": "x"}, step="submit")

    assert retry_digest(record, one) == retry_digest(record, another)
    assert retry_record(record, one, someone("k"), CATALOG).internal.body_digest == retry_digest(
        record, another
    )


@pytest.mark.parametrize("other", [ask({"prompt": "x"}), ask(step="submit")])
def test_another_retry_has_another_digest(other: RetryRequest) -> None:
    record = ended(Canceled())

    assert retry_digest(record, other) != retry_digest(record, ASK)


def test_the_same_retry_of_another_job_has_another_digest() -> None:
    assert retry_digest(ended(Canceled()), ASK) != retry_digest(ended(Canceled()), ASK)


def test_a_retry_and_a_first_request_are_never_the_same() -> None:
    record = ended(Canceled())

    assert retry_digest(record, ASK) != record.internal.body_digest


# -- in place


class Bus:
    """The log and the queue, with one job."""

    def __init__(self) -> None:
        self.events, self.work = MemoryEventLog(), MemoryWorkQueue()

    async def hold(self, record: Record) -> Record:
        await append_event(self.events, "test", record, 0)
        return record

    async def try_to_retry(self, job: str, key: str | None, start: RetryRequest = ASK) -> bool:
        """Whether the job was in the state for it."""
        return await retry_in_place(self.events, self.work, job, key, start) is not None

    async def retry(self, job: str, key: str) -> AcceptResult:
        acceptance = await retry_in_place(self.events, self.work, job, key, PAY)
        assert acceptance is not None
        return acceptance


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def dark() -> Callable[[], Record]:
    """Makes a job whose submission nobody knows about."""
    return lambda: ended(started, submitting, in_the_dark, parameters={"price": "0.5"})


async def test_an_unknown_submission_is_resubmitted_in_place(
    bus: Bus, dark: Callable[[], Record]
) -> None:
    record = await bus.hold(dark())

    acceptance = await bus.retry(record.id, "k")

    assert not acceptance.replayed
    assert acceptance.job.step is Step.RETRY_SCHEDULED
    assert acceptance.job.charged == "unknown"
    assert record.id in bus.work.queue


async def test_the_same_key_retries_once_whatever_became_of_the_job(
    bus: Bus, dark: Callable[[], Record]
) -> None:
    record = await bus.hold(dark())
    entry = (await bus.retry(record.id, "k")).entry
    ended_since = after(entry.record, Canceled(charged="unknown"))
    await append_event(bus.events, "canceled", ended_since, entry.sequence)

    acceptance = await bus.retry(record.id, "k")

    assert acceptance.replayed
    assert acceptance.job == ended_since
    assert len(bus.events.log) == 3


async def test_paying_twice_needs_a_key(bus: Bus, dark: Callable[[], Record]) -> None:
    record = await bus.hold(dark())

    with pytest.raises(IdempotencyKeyRequired):
        await bus.try_to_retry(record.id, None, PAY)
    assert bus.work.queue == {}


async def test_no_second_payment_without_explicit_consent(
    bus: Bus, dark: Callable[[], Record]
) -> None:
    record = await bus.hold(dark())

    with pytest.raises(StateConflict, match="it costs"):
        await bus.try_to_retry(record.id, "k")
    assert bus.work.queue == {}


@pytest.mark.parametrize("step", ["poll", "download"])
async def test_there_is_nothing_at_the_provider_to_begin_with(
    bus: Bus, dark: Callable[[], Record], step: str
) -> None:
    record = await bus.hold(dark())

    with pytest.raises(StateConflict):
        await bus.try_to_retry(record.id, "k", ask(step=step))


async def test_a_job_goes_on_in_place_as_it_is(bus: Bus, dark: Callable[[], Record]) -> None:
    record = await bus.hold(dark())

    with pytest.raises(ValidationFailed):
        await bus.try_to_retry(record.id, "k", ask({"prompt": "x"}, "submit"))


async def test_a_job_that_ended_is_not_retried_in_place(bus: Bus) -> None:
    record = await bus.hold(ended(Canceled()))

    assert not await bus.try_to_retry(record.id, "k")


async def test_a_job_that_does_not_exist_is_not_found(bus: Bus) -> None:
    with pytest.raises(NotFound):
        await bus.try_to_retry(new_job_id(), "k")
