"""Outcome of an attempt: retry, fail, cancel or succeed, and what was charged. Pure."""

import random
from datetime import datetime, timedelta

from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import (
    AccountRefused,
    ContentPolicy,
    JobError,
    Poison,
    ProviderTimeout,
    ProviderUnavailable,
    SubmitOutcomeUnknown,
    Unavailable,
)
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
)
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged, NextAction, Problem
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.job_problem import (
    MAX_OUTPUT_COUNT,
    job_problem,
    short_answer,
    short_text,
)
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import RateLimited
from services.render.settings import RenderSettings

#: arguments that set the number of outputs
_COUNTS = ("num_images", "num_outputs", "max_images", "number_of_images", "samples", "n")
_POLL_FRACTION = 0.03  #: of the time that a job has taken: how much later its end may be noticed


def retry_or_fail(
    record: Record,
    error: JobError,
    at: datetime,
    settings: RenderSettings,
    *,
    charged: Charged = "no",
    answer: str | None = None,
) -> JobEvent:
    """
    Another attempt, when this one was surely not charged and may fare better; else the end.

    A job that took over an old request is never sent anywhere. What only an operator can mend is not
    the job's fault: it waits, and no attempt is counted.
    """
    message, answer = short_text(str(error)), short_answer(answer or error.answer)
    enough = record.attempt >= settings.max_attempts or record.internal.takeover is not None
    if isinstance(error, RateLimited) and record.internal.takeover is None:
        return RetryScheduled(
            not_before=at + timedelta(seconds=error.seconds),
            reason=error.code,
            detail=f"the provider asked to wait {error.seconds:g} s: {message}",
            counted=False,
            answer=answer,
        )
    if isinstance(error, AccountRefused) and charged == "no" and record.internal.takeover is None:
        return RetryScheduled(
            not_before=at + timedelta(seconds=settings.breaker_min),
            reason=error.code,
            detail=f"the account cannot submit: {message}",
            counted=False,
            answer=answer,
        )
    if error.retryable and charged == "no" and not enough:
        wait = error.retry_after or backoff(record.attempt, settings)
        return RetryScheduled(
            not_before=at + timedelta(seconds=wait),
            reason=error.code,
            detail=f"attempt {record.attempt} failed: {message}",
            answer=answer,
        )
    problem = job_problem(record, error, charged)
    return Failed(problem=problem, charged=charged, answer=answer)


def restart_or_poison(record: Record, at: datetime, settings: RenderSettings) -> JobEvent:
    """
    Another start, when the request surely never reached the provider: a process of ours died, or was
    too slow, and that costs the job no attempt. A job that is in the way of so many starts is poison.
    """
    starts = record.internal.unanswered + 1
    if starts >= settings.max_unanswered:
        error = Poison(f"{starts} starts in a row ended before the provider could answer")
        return Failed(problem=job_problem(record, error, "no"))
    return RetryScheduled(
        not_before=at + timedelta(seconds=backoff(starts, settings)),
        reason=ProviderUnavailable.code,
        detail="the request never reached the provider; it is sent again",
        counted=False,
        answered=False,
    )


def put_back(error: Unavailable, at: datetime, settings: RenderSettings) -> RetryScheduled:
    """Another start, once what this one needed answers again. It gives its place to others."""
    return RetryScheduled(
        not_before=at + timedelta(seconds=settings.backoff_min),
        reason=error.code,
        detail=f"it could not begin: {short_text(str(error))}",
        counted=False,
    )


def backoff(attempt: int, settings: RenderSettings) -> float:
    """Seconds before the attempt after this one: full jitter under a doubling bound."""
    bound = min(settings.backoff_max, settings.backoff_min * 2 ** (attempt - 1))
    return random.uniform(0, bound)  # noqa: S311  # spreads load, guards nothing


def poll_after(taken: float, settings: RenderSettings) -> float:
    """Seconds until the next poll: the longer a job has taken, the less a moment matters."""
    return min(max(settings.poll_min, _POLL_FRACTION * taken), settings.poll_max)


def after_poll(
    record: Record, state: RequestSucceeded | RequestStopped, at: datetime, settings: RenderSettings
) -> JobEvent:
    """
    The event that the end of a request causes. A job that was to be stopped is `canceled`, one whose
    deadline had passed is `expired`; both keep what was finished anyway.
    """
    outputs, withheld = _made(record, state)
    if record.internal.cancel:
        return Canceled(charged=state.charged, outputs=outputs, withheld=withheld)
    if record.internal.expire:
        answer = short_answer(state.answer)
        return expiry(record, state.charged, outputs=outputs, withheld=withheld, answer=answer)
    if isinstance(state, RequestSucceeded):
        return rendered(record, state)
    return retry_or_fail(
        record, state.error, at, settings, charged=state.charged, answer=state.answer
    )


def rendered(record: Record, done: RequestSucceeded) -> Rendered:
    """
    The requested outputs; extra ones are ignored. Of those that it
    withheld only as many are told as are missing.
    """
    arguments = {**record.parameters, **record.arguments}
    requested = max(
        (n for name in _COUNTS if isinstance(n := arguments.get(name), int)), default=done.usual
    )
    limit = min(max(1, requested), MAX_OUTPUT_COUNT)
    kept = _chosen(done.outputs, limit)
    withheld = done.withheld[: limit - len(kept)]
    return Rendered(
        run=record.internal.run,
        outputs=kept,
        charged=done.charged,
        answer=short_answer(done.answer),
        detail=about_outputs(len(done.outputs), kept, withheld),
        withheld=withheld,
    )


def _made(
    record: Record, state: RequestSucceeded | RequestStopped
) -> tuple[list[Output], list[Withheld] | None]:
    """Outputs at the end of a request, and the missing ones."""
    if isinstance(state, RequestStopped):
        return [], None
    done = rendered(record, state)
    return done.outputs, done.withheld or None


def _chosen(outputs: list[Output], limit: int) -> list[Output]:
    """The first of them; the provider's doubts about one leave its place to another."""
    if len(outputs) <= limit:
        return outputs
    places = sorted(range(len(outputs)), key=lambda place: outputs[place].flagged)[:limit]
    return [_as_placed(outputs[place], place, new) for new, place in enumerate(sorted(places))]


def _as_placed(output: Output, place: int, new: int) -> Output:
    """The same, with the provider's index where its new place does not say it."""
    if output.index is not None or place == new:
        return output
    return output.model_copy(update={"index": place})


def about_outputs(count: int, kept: list[Output], withheld: list[Withheld]) -> str | None:
    """Detail text: which outputs are left out, and which are withheld."""
    notes = []
    if count > len(kept):
        notes.append(f"the first {len(kept)} of {count} outputs are kept")
    reasons = [each.reason for each in withheld]
    reasons += [ContentPolicy.code for output in kept if output.flagged]
    if reasons:
        whole = len(kept) + len(withheld)
        why = ", ".join(dict.fromkeys(reasons))
        notes.append(f"{len(reasons)} of {whole} outputs withheld: {why}")
    return "; ".join(notes) or None


def end_of_attempt(
    entry: LogEntry, run: int, state: RequestSucceeded | RequestStopped
) -> AttemptCompleted:
    """The event that the end of a request adds to an ended job."""
    record = entry.record
    outputs, withheld = _made(record, state)
    return AttemptCompleted(
        run=run,
        ended=record.ended(entry.sequence),
        outputs=outputs,
        withheld=withheld,
        charged=state.charged,
        outcome="rendered" if isinstance(state, RequestSucceeded) else state.error.code,
        answer=short_answer(state.answer),
    )


def timed_out(record: Record) -> RequestStopped:
    """The attempt timed out. The provider may still finish it, so `charged` is `unknown`."""
    seconds = record.internal.timeout_seconds
    error = ProviderTimeout(f"not finished within {seconds:g} s")
    return RequestStopped(error=error, charged="unknown")


def unknown(record: Record, reason: str | None = None) -> Problem:
    """The problem of a submission of unknown outcome: the reason, and the possible decisions."""
    error = SubmitOutcomeUnknown(
        reason and f"the reply to the submission was lost: {reason}",
        next_actions=[
            NextAction(
                kind="retry",
                label="Submit again; it may be charged a second time",
                patch={"from": "submit"},
            ),
            NextAction(kind="cancel", label="Give up; it may have been charged"),
            NextAction(kind="wait", label="Wait; the request may still be found"),
        ],
    )
    return job_problem(record, error, "unknown")
