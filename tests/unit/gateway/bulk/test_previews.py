"""Previews decide as the act itself would, and add up what can be added."""

from decimal import Decimal

import pytest

from heliograph.contracts.actions import ActionRequest
from heliograph.contracts.errors import Deadline, StateConflict, ValidationFailed
from heliograph.contracts.job_events import Canceled, CancelRequested, Failed, JobEvent, Started
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.clock import now
from services.gateway.bulk.costs import sum_costs
from services.gateway.bulk.preview_rules import (
    Mode,
    already_requested,
    cancel_outcome,
    pointer_to_job,
)
from tests.support.records import a_record

started = Started(run=1)
stop, detach = CancelRequested(mode="stop"), CancelRequested(mode="detach")
failed = Failed(problem=Deadline().problem())


def a_job(*facts: JobEvent, slot: str | None = "shot/1") -> Record:
    record = a_record(slot=slot)
    for fact in facts:
        record = apply(record, fact, now())
    return record


@pytest.mark.parametrize(
    ("facts", "mode", "outcome"),
    [
        ((), "stop", "accepted"),
        ((started,), "stop", "accepted"),
        ((started, stop), "stop", "skipped"),
        ((started, stop), "detach", "accepted"),
        ((started, detach), "stop", "accepted"),
        ((started, detach), "detach", "skipped"),
        ((Canceled(),), "stop", "skipped"),
        ((Canceled(),), "detach", "skipped"),
    ],
)
def test_canceling_changes_what_was_not_canceled_like_this(
    facts: tuple[JobEvent, ...], mode: Mode, outcome: str
) -> None:
    assert cancel_outcome(a_job(*facts), mode) == outcome


@pytest.mark.parametrize("mode", ["stop", "detach"])
@pytest.mark.parametrize("facts", [(failed,), (started, stop, failed)])
def test_what_ended_in_another_way_cannot_be_canceled(
    facts: tuple[JobEvent, ...], mode: Mode
) -> None:
    with pytest.raises(StateConflict):
        cancel_outcome(a_job(*facts), mode)


def test_a_cancel_request_is_recorded_whatever_its_outcome() -> None:
    assert already_requested(a_job(started, stop, failed), "stop")
    assert already_requested(a_job(started, detach, failed), "detach")
    assert already_requested(a_job(Canceled()), "stop")
    assert not already_requested(a_job(failed), "stop")
    assert not already_requested(a_job(started), "detach")


def test_prices_add_up() -> None:
    costs = [Cost(estimated=Decimal(each)) for each in ("0.1", "0.2", "0.003")]

    assert sum_costs(costs) == Cost(estimated=Decimal("0.303"))
    assert sum_costs(costs).model_dump(mode="json")["estimated"] == "0.303"
    assert sum_costs([]) == Cost()


def test_prices_in_several_currencies_do_not() -> None:
    costs = [Cost(estimated=Decimal(1), currency=each) for each in ("USD", "EUR")]

    assert sum_costs(costs[1:]).currency == "EUR"
    with pytest.raises(ValidationFailed, match="EUR and USD"):
        sum_costs(costs)


def test_a_job_is_pointed_at_where_it_was_named() -> None:
    named = ActionRequest(action="retry", ids=[a_record().id])
    matched = ActionRequest.model_validate({"action": "retry", "filter": {}})

    assert (pointer_to_job(named, 0), pointer_to_job(matched, 0)) == ("/ids/0", "/filter")


def test_the_digest_of_an_action_is_of_what_it_asks_for() -> None:
    def digest(**fields: object) -> str:
        return ActionRequest.model_validate({"action": "cancel", **fields}).digest()

    assert digest(filter={}) == digest(filter={}, mode="stop", dry_run=False)
    others = [digest(filter={"kind": "shot"}), digest(filter={}, mode="detach")]
    assert len({digest(filter={}), *others}) == 3
