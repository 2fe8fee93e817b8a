"""What a job costs is counted once: held while it is open, and spent, or perhaps spent, when it has ended."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from heliograph.contracts.errors import ProviderRejected, SubmitOutcomeUnknown
from heliograph.contracts.job_events import (
    Canceled,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.records import Record
from heliograph.contracts.spending import Spending, spending_of
from heliograph.contracts.state_machine import apply
from tests.support.records import a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PRICE = "0.03"


def started(run: int = 1) -> list[JobEvent]:
    return [
        Started(run=run),
        Submitting(run=run, endpoint="picture", prompt="x", arguments={}, references=[]),
    ]


def unknown(run: int = 1) -> JobEvent:
    return SubmitUnknown(run=run, problem=SubmitOutcomeUnknown().problem())


def again() -> JobEvent:
    return RetryScheduled(
        not_before=NOW, reason="submit_unknown", detail="again", charged="unknown"
    )


def rejected() -> JobEvent:
    return Failed(problem=ProviderRejected().problem(), charged="no")


def after(*facts: JobEvent, price: str = PRICE) -> Record:
    record = a_record(parameters={"price": price})
    for number, fact in enumerate(facts):
        record = apply(record, fact, NOW + timedelta(seconds=number))
    return record


def amounts(*texts: str) -> Spending:
    return Spending(*map(Decimal, texts))


@pytest.mark.parametrize(
    ("facts", "spending"),
    [
        ([], (PRICE, "0", PRICE, "0")),
        (started(), (PRICE, "0", PRICE, "0")),
        ([*started(), unknown()], (PRICE, "0", PRICE, "0")),
        ([*started(), unknown(), again()], (PRICE, "0", "0.06", "0")),
        ([*started(), unknown(), again(), *started(2)], (PRICE, "0", "0.06", "0")),
        ([Canceled()], (PRICE, "0", "0", "0")),
        ([*started(), rejected()], (PRICE, "0", "0", "0")),
        ([*started(), unknown(), Canceled(charged="unknown")], (PRICE, "0", "0", PRICE)),
        (
            [*started(), Submitted(run=1, request_id="r"), Canceled(charged="yes")],
            (PRICE, PRICE, "0", "0"),
        ),
        (
            [*started(), unknown(), again(), *started(2), Canceled(charged="yes")],
            (PRICE, PRICE, "0", PRICE),
        ),
    ],
    ids=[
        "accepted",
        "submitting",
        "unknown",
        "tried again",
        "submitting again",
        "canceled before",
        "rejected",
        "ended unknown",
        "charged",
        "charged after an unknown one",
    ],
)
def test_a_job_is_held_or_spent(facts: list[JobEvent], spending: tuple[str, ...]) -> None:
    assert spending_of(after(*facts)) == amounts(*spending)


def test_what_was_rendered_is_held_until_it_is_stored() -> None:
    record = after(*started(), Submitted(run=1, request_id="r"), Rendered(run=1, outputs=[]))

    assert spending_of(record) == amounts(PRICE, "0", PRICE, "0")


def test_what_is_free_costs_nothing() -> None:
    assert spending_of(after(*started(), unknown(), price="0")) == amounts("0", "0", "0", "0")
