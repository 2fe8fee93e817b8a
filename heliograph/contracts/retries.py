"""Retries that clients request: the cheapest step from which an ended job can reach its result. Pure."""

from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record
from heliograph.contracts.retry_requests import RetryFrom

ENDED = frozenset({Step.FAILED, Step.CANCELED, Step.EXPIRED})

#: errors after which the outputs are still worth fetching: limits, hosts and types may have changed
_FETCH_AGAIN = frozenset(
    {"canceled", "storage_failed", "deadline", "poison", "output_refused", "output_too_large"}
)
#: and these, where the outputs came after the end
_CAME_LATE = frozenset({"provider_timeout", "provider_unavailable", "submit_unknown"})
#: errors after which the provider may still finish what it accepted
_ASK_AGAIN = frozenset(
    {"canceled", "provider_timeout", "deadline", "poison", "provider_unavailable"}
)
_LABELS: dict[RetryFrom, str] = {
    "download": "Fetch it again for nothing",
    "poll": "Ask the provider for it again for nothing",
}


def cheapest_step(record: Record) -> RetryFrom:
    """The default step at which a retry of an ended job begins."""
    code = record.error.code if record.error else "canceled"
    if outputs_of(record) and code in _FETCH_AGAIN | _CAME_LATE:
        return "download"
    request = request_of(record)
    if request and not _ended_before(record) and code in _ASK_AGAIN:
        return "poll"
    if request and code == "output_expired" and record.internal.takeover is None:
        return "poll"  # it may give a fresh address, once
    return "submit"


def next_actions(record: Record) -> list[NextAction]:
    """Next actions of an unsuccessful job: advice first, then the retries."""
    error = record.error
    advice = [each for each in (error.next_actions if error else []) if each.kind != "retry"]
    step = cheapest_step(record)
    retries = [] if step == "submit" else [_retry(record, step)]
    if record.internal.is_cut:
        if not retries:
            advice.append(NextAction(kind="new_request", label="Send it as a new request"))
        return [*advice, *retries]
    if any(each.kind == "change_request" for each in advice):
        return [*advice, *retries]  # the same request would be paid for, and fail, again
    return [*advice, *retries, _retry(record, "submit")]


def submit_label(record: Record) -> str:
    """Label of a resubmission, with its price."""
    cost = record.cost
    if record.internal.takeover is not None:  # it was free, and the next one is not
        return "Submit it again, at the price of its model"
    return f"Submit it again for {cost.estimated} {cost.currency}"


def outputs_of(record: Record) -> list[Output]:
    """Outputs at the provider, of the job or of the one it resumes."""
    old = record.internal.takeover
    return record.internal.outputs or (old.outputs if old else [])


def missing_outputs_of(record: Record) -> list[Withheld]:
    """Outputs that the provider did not give, which fetching again cannot change."""
    old, given = record.internal.takeover, outputs_of(record)
    known = record.withheld if record.internal.outputs or old is None else old.withheld
    there = {place if each.index is None else each.index for place, each in enumerate(given)}
    return [each for each in known if each.index not in there]


def request_of(record: Record) -> str | None:
    """The last request, whether the job sent it or was to ask for it."""
    attempts, old = record.internal.attempts, record.internal.takeover
    return attempts[-1].request_id if attempts else old.request_id if old else None


def _retry(record: Record, step: RetryFrom) -> NextAction:
    label = submit_label(record) if step == "submit" else _LABELS[step]
    return NextAction(kind="retry", label=label, patch={"from": step})


def _ended_before(record: Record) -> bool:
    """Whether the last attempt was over before the job was."""
    ended = record.internal.attempts[-1].ended_at if record.internal.attempts else None
    return ended is not None and ended != record.finished_at
