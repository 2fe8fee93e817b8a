"""What stands between a silence and a second payment, and what a job says that it cost."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from heliograph.contracts import job_steps
from heliograph.contracts.errors import ProviderUnavailable, Unavailable
from heliograph.contracts.job_events import JobEvent, RetryScheduled
from heliograph.contracts.job_steps import OPEN, Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import charges
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.settings import RenderSettings
from services.render.worker import (
    fitting_events,
    inline_outputs,
    outcomes,
    reconcile,
    request_lookup,
    response_upload,
    run,
)
from services.render.worker import submit as submitting
from services.render.worker.late_responses import late_response_event
from services.render.worker.wakeups import WakeUp
from tests.simulation.mutants.registry import Mutants, Patch, reply_before_writing
from tests.simulation.scenario import PlannedRequest, Scenario
from tests.simulation.simulated_bus import Index, Spool
from tests.simulation.virtual_time import now

MUTANTS = Mutants()

_SILENT = Scenario(silences=1, crashes=1, freezes=1)
_TWINS = (PlannedRequest("a", "x"), PlannedRequest("b", "x"))
_SILENT_SIM = Scenario(silences=1, crashes=1, freezes=1, authoritative=True)


@MUTANTS.add(
    "the first miss is believed after the wait",
    Scenario(silences=2, authoritative=True),
    "I3",
    "I7",
)
def no_second_look(patch: Patch) -> None:
    look_up, seen = request_lookup.look_up, dict[int, Any]()

    async def look_up_once(worker: Any, record: Record) -> Any:
        if id(record) not in seen:
            seen[id(record)] = record, await look_up(worker, record)
        return seen[id(record)][1]

    patch.setattr(reconcile, "look_up", look_up_once)


@MUTANTS.add("absence is believed without the wait", _SILENT_SIM, "I3", "I7")
def no_wait(patch: Patch) -> None:
    wait = WakeUp.wait

    async def wait_for_polls_only(self: WakeUp, seconds: float) -> bool:
        return await wait(self, 0 if seconds >= 50 else seconds)

    patch.setattr(WakeUp, "wait", wait_for_polls_only)


@MUTANTS.add("silence is taken for a refusal", _SILENT, "I3", "I7")
def silence_is_refusal(patch: Patch) -> None:
    def again(**_: object) -> JobEvent:
        return RetryScheduled(not_before=now(), reason="silence", detail="")

    patch.setattr(reconcile, "SubmitUnknown", again)


@MUTANTS.add("a silent POST is repeated", _SILENT, "I3", "I7")
def post_again(patch: Patch) -> None:
    post = submitting._post

    async def post_twice(worker: Any, record: Record, body: Any, ends: float) -> Any:
        first = await post(worker, record, body, ends)
        return first or await post(worker, record, body, ends + 30)

    patch.setattr(submitting, "_post", post_twice)


@MUTANTS.add(
    "the POST may leave long after `submitting`",
    Scenario(freezes=1, freeze_at=("submit",), authoritative=True),
    "I3",
    "I7",
)
def post_late(patch: Patch) -> None:
    post = submitting._post

    async def post_any_time(worker: Any, record: Record, body: Any, ends: float) -> Any:
        return await post(worker, record, body, ends + 100_000)

    patch.setattr(submitting, "_post", post_any_time)


@MUTANTS.add("no intent is written before the POST", Scenario(crashes=1), "I3", "I7")
def no_intent(patch: Patch) -> None:
    reply_before_writing(patch, "submitting")
    at_provider = fitting_events._AT_PROVIDER | {Step.STARTED}
    patch.setattr(fitting_events, "_AT_PROVIDER", at_provider)


@MUTANTS.add(
    "an answer is written into whatever attempt the job is in",
    Scenario(freezes=1, refusals=1, authoritative=True, freeze_at=("append",)),
    "I3",
    "I7",
)
def any_attempt(patch: Patch) -> None:
    patch.setattr(
        fitting_events, "_still_applies", lambda job, _: job.step in fitting_events._AT_PROVIDER
    )


@MUTANTS.add(
    "a retry from `poll` falls through to a paid submission",
    Scenario(cancels=1, retries=2, failures=2),
    "I3",
    "I7",
)
def takeover_pays(patch: Patch) -> None:
    submit, decide = submitting.submit, outcomes.retry_or_fail

    def plain(record: Record) -> Record:
        internal = record.internal.model_copy(update={"takeover": None})
        return record.model_copy(update={"internal": internal})

    async def submit_at_last(worker: Any, entry: LogEntry) -> LogEntry | None:
        if entry.record.attempt > 1:
            event = replace(entry.event, body=plain(entry.record))
            entry = replace(entry, event=event)
        return await submit(worker, entry)

    def decide_as_ever(record: Record, *args: Any, **options: Any) -> JobEvent:
        return decide(plain(record), *args, **options)

    patch.setattr(run, "submit", submit_at_last)
    patch.setattr(outcomes, "retry_or_fail", decide_as_ever)


@MUTANTS.add(
    "a request that another attempt has is taken for the lost one",
    Scenario(planned_requests=_TWINS, has_two_places=True, silences=1),
    "I3",
)
def known_ones_count(patch: Patch) -> None:
    async def none_known(self: Index, *_: object) -> frozenset[str]:
        return frozenset()

    patch.setattr(Index, "known", none_known)


@MUTANTS.add(
    "a read model that does not answer knows no request",
    Scenario(planned_requests=_TWINS, has_two_places=True, silences=1, outages=1),
    "I3",
)
def silence_knows_none(patch: Patch) -> None:
    known = Index.known

    async def known_or_none(self: Index, provider: str, requests: Any) -> frozenset[str]:
        try:
            return await known(self, provider, requests)
        except Unavailable:
            return frozenset()

    patch.setattr(Index, "known", known_or_none)


_ANSWERED = Scenario(inline=True, crashes=1)
_OVER_BY_THEN = Scenario(
    inline=True,
    crashes=1,
    crash_at=("append",),
    cancels=1,
    freezes=1,
    freeze_at=("look into the spool",),
)


@MUTANTS.add("what a dead process left in the spool stays there", _ANSWERED, "I1", "I7")
def nobody_recovers(patch: Patch) -> None:
    patch.setattr(Spool, "is_abandoned", lambda *_: False)


@MUTANTS.add("an answer leaves the spool before storage has it", _ANSWERED, "I1", "I7")
def storage_is_not_asked(patch: Patch) -> None:
    async def nothing(*_: object) -> None:
        """Nothing is brought."""

    for module in (response_upload, inline_outputs):
        patch.setattr(module, "upload_outputs", nothing)


@MUTANTS.add("what is found in the spool after the end is not told", _OVER_BY_THEN, "I7")
def the_end_is_the_end(patch: Patch) -> None:
    def open_only(entry: LogEntry, response: Any) -> Any:
        return None if entry.record.step.is_final else late_response_event(entry, response)

    patch.setattr(inline_outputs, "late_response_event", open_only)


@MUTANTS.add("a stop does not ask what the provider did", Scenario(cancels=1), "I7")
def stop_unasked(patch: Patch) -> None:
    patch.setattr(job_steps, "UNSENT", OPEN)


@MUTANTS.add(
    "what an attempt cost is forgotten by the next",
    Scenario(silences=1, retries=1, refusals=1),
    "I7",
)
def charges_do_not_add_up(patch: Patch) -> None:
    patch.setattr(charges, "accumulate_charge", lambda _, charged: charged)


@MUTANTS.add("a silence is submitted again though nobody said so", _SILENT, "I3")
def resubmitted_unasked(patch: Patch) -> None:
    decide = outcomes.after_unknown

    def again(record: Record, *args: Any) -> JobEvent | None:
        policy = record.internal.on_ambiguous.model_copy(update={"resubmit_below": 1_000})
        internal = record.internal.model_copy(update={"on_ambiguous": policy})
        return decide(record.model_copy(update={"internal": internal}), *args)

    patch.setattr(run, "after_unknown", again)


@MUTANTS.add(
    "what is submitted again as the request said uses up no attempt",
    Scenario(resubmits=True, silences=4),
    "I3",
)
def endless_resubmissions(patch: Patch) -> None:
    decide = outcomes.after_unknown

    def again(record: Record, at: datetime, settings: RenderSettings) -> JobEvent | None:
        return decide(record, at, settings.model_copy(update={"max_attempts": 1_000}))

    patch.setattr(run, "after_unknown", again)


_CRASHING = ("submit",)  #: the intent is written, and nothing is sent


@MUTANTS.add(
    "a crash before the POST uses up an attempt",
    Scenario(crashes=2, authoritative=True, crash_at=_CRASHING),
    "I10",
)
def crash_counts(patch: Patch) -> None:
    def counted(record: Record, at: datetime, settings: RenderSettings) -> JobEvent:
        return outcomes.retry_or_fail(record, ProviderUnavailable(), at, settings)

    patch.setattr(submitting, "restart_or_poison", counted)


@MUTANTS.add(
    "a job starts as often as its workers crash",
    Scenario(crashes=3, authoritative=True, crash_at=_CRASHING),
    "I10",
)
def endless_starts(patch: Patch) -> None:
    def again(record: Record, at: datetime, settings: RenderSettings) -> JobEvent:
        endless = settings.model_copy(update={"max_unanswered": 1_000})
        return outcomes.restart_or_poison(record, at, endless)

    patch.setattr(submitting, "restart_or_poison", again)


@MUTANTS.add(
    "a job begins as often as its workers crash before the intent",
    Scenario(crashes=4, authoritative=True, crash_at=("append",)),
    "I10",
)
def endless_beginnings(patch: Patch) -> None:
    patch.setattr(run, "start_again", submitting.submit)
