"""Outcome of an attempt and the retry policy: retry with backoff, fail, cancel or succeed. Pure."""

from datetime import datetime, timedelta

from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import (
    AccountRefused,
    JobError,
    OverBudget,
    Poison,
    ProviderTimeout,
    ProviderUnavailable,
    SubmitOutcomeUnknown,
    Unavailable,
)
from heliograph.contracts.job_events import (
    Canceled,
    Failed,
    JobEvent,
    RetryScheduled,
    SubmitUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import Charged, NextAction, Problem
from heliograph.contracts.records import Record
from services.render.bounded_text import short_excerpt, short_text
from services.render.job_problem import job_problem
from services.render.providers.request_states import RequestStopped, RequestSucceeded
from services.render.providers.submissions import RateLimited
from services.render.settings import RenderSettings
from services.render.worker.backoff import backoff
from services.render.worker.kept_outputs import made_outputs, rendered


def retry_or_fail(
    record: Record,
    error: JobError,
    at: datetime,
    settings: RenderSettings,
    *,
    charged: Charged = "no",
    excerpt: str | None = None,
) -> JobEvent:
    """
    The retry policy: another attempt if this one was surely not charged and its error is retryable;
    else failure.

    A job that took over an old request is never submitted. An error that only the operator can fix is
    not the job's fault: the job waits, and no attempt is counted.
    """
    message, excerpt = short_text(str(error)), short_excerpt(excerpt or error.excerpt)
    enough = record.attempt >= settings.max_attempts or record.internal.takeover is not None
    if isinstance(error, RateLimited) and record.internal.takeover is None:
        wait, counted = error.seconds, False
        detail = f"the provider asked to wait {error.seconds:g} s"
    elif isinstance(error, AccountRefused) and charged == "no" and record.internal.takeover is None:
        wait, counted = settings.breaker_min, False
        detail = "the account cannot submit"
    elif error.retryable and charged == "no" and not enough:
        wait, counted = error.retry_after or backoff(record.attempt, settings), True
        detail = f"attempt {record.attempt} failed"
    else:
        problem = job_problem(record, error, charged)
        return Failed(problem=problem, charged=charged, answer=excerpt)
    return RetryScheduled(
        not_before=at + timedelta(seconds=wait),
        reason=error.code,
        detail=f"{detail}: {message}",
        counted=counted,
        answer=excerpt,
    )


def restart_or_poison(record: Record, at: datetime, settings: RenderSettings) -> JobEvent:
    """
    Another start, when the request surely never reached the provider: a process of ours died, or was
    too slow, and that costs the job no attempt. After `max_unanswered` such starts in a row the job
    fails as poison.
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


def after_unknown(record: Record, at: datetime, settings: RenderSettings) -> JobEvent | None:
    """
    The event of the request's `on_ambiguous` policy for an unknown outcome. None: a manual decision.

    A further attempt may be charged a second time. It counts as an attempt, within the policy's limit.
    """
    policy = record.internal.on_ambiguous
    if record.step is not Step.SUBMIT_UNKNOWN:
        return None
    if policy.action == "fail":
        assert record.error
        return Failed(problem=record.error, charged="unknown")
    is_allowed = policy.resubmit_below is not None and (
        record.cost.estimated <= policy.resubmit_below
    )
    is_over = record.attempt >= settings.max_attempts or record.internal.cancel
    if not is_allowed or is_over:
        return None
    return RetryScheduled(
        not_before=at + timedelta(seconds=backoff(record.attempt, settings)),
        reason=SubmitOutcomeUnknown.code,
        detail="submitted again, as its request says; it may be charged twice",
        charged="unknown",
    )


def not_sent_again(record: Record, error: OverBudget) -> SubmitUnknown | None:
    """
    The event that tells why a job of unknown outcome is not submitted again: the budget has no room for
    the attempt that its request allows, so it waits for a manual decision. None: its problem tells already.
    """
    problem = record.error
    assert problem, "a job in doubt has a problem"
    kinds = {each.kind for each in problem.next_actions}
    added = [each for each in error.next_actions if each.kind not in kinds]
    if not added:
        return None
    detail = f"{problem.detail}; not submitted again, as its request says, because {error}"
    update = {"detail": short_text(detail), "next_actions": [*problem.next_actions, *added]}
    return SubmitUnknown(run=record.internal.run, problem=problem.model_copy(update=update))


def postponed_start(error: Unavailable, at: datetime, settings: RenderSettings) -> RetryScheduled:
    """A later start, once what this one needed responds again. Its permit is released."""
    return RetryScheduled(
        not_before=at + timedelta(seconds=settings.backoff_min),
        reason=error.code,
        detail=f"the attempt could not start: {short_text(str(error))}",
        counted=False,
    )


def after_poll(
    record: Record, state: RequestSucceeded | RequestStopped, at: datetime, settings: RenderSettings
) -> JobEvent:
    """
    The event that the end of a request causes. A job that was to be stopped is `canceled`, one whose
    deadline had passed is `expired`; both keep what was finished anyway.
    """
    outputs, withheld = made_outputs(record, state)
    charged, bill = state.charged, state.bill if isinstance(state, RequestSucceeded) else None
    if record.internal.cancel:
        return Canceled(charged=charged, bill=bill, outputs=outputs, withheld=withheld)
    if record.internal.expire:
        excerpt = short_excerpt(state.excerpt)
        return expiry(
            record, charged, bill=bill, outputs=outputs, withheld=withheld, excerpt=excerpt
        )
    if isinstance(state, RequestSucceeded):
        return rendered(record, state)
    return retry_or_fail(
        record, state.error, at, settings, charged=state.charged, excerpt=state.excerpt
    )


def timeout_state(record: Record) -> RequestStopped:
    """The state of an attempt that timed out. The provider may still finish it, so `charged` is `unknown`."""
    seconds = record.internal.timeout_seconds
    error = ProviderTimeout(f"not finished within {seconds:g} s")
    return RequestStopped(error=error, charged="unknown")


def unknown_outcome_problem(record: Record, reason: str | None = None) -> Problem:
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
