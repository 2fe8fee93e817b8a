"""What an attempt cost is counted by the units that its provider told, where these have a price."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from heliograph.contracts.attempts import Bill
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Failed,
    Rendered,
    Started,
    Submitted,
    Submitting,
    Succeeded,
)
from heliograph.contracts.prices import Price
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.contracts.state_machine.charges import counted
from services.render.providers.billed_units import amount_in, units_in
from services.render.providers.fal.result_failures import billed_units
from services.render.worker.billing import bill_for
from tests.support.records import CATALOG, PROBLEM, a_record

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PRICE = Decimal("0.003")
BILL = Bill(units={"billable_units": Decimal("1.5")}, cost=Decimal("0.0045"))


def submitted() -> Record:
    record = a_record(parameters={"price": f"{PRICE}"})
    submitting = Submitting(
        run=1, endpoint="e", prompt="p", arguments={"prompt": "p"}, references=[]
    )
    for fact in (Started(run=1), submitting, Submitted(run=1, request_id="r")):
        record = apply(record, fact, NOW)
    return record


def test_a_job_costs_what_its_provider_bills() -> None:
    record = apply(submitted(), Rendered(run=1, outputs=[], bill=BILL), NOW)
    record = apply(record, Succeeded(assets=[]), NOW)

    assert (record.cost.estimated, record.cost.actual) == (PRICE, BILL.cost)
    assert record.internal.attempts[-1].bill == BILL
    assert counted(record) == BILL.cost


def test_without_a_bill_the_price_counts_and_the_attempt_says_so() -> None:
    record = apply(submitted(), Rendered(run=1, outputs=[]), NOW)

    assert record.cost.actual == PRICE
    assert record.internal.attempts[-1].bill is None


def test_what_was_not_charged_has_no_bill() -> None:
    record = apply(submitted(), Rendered(run=1, outputs=[], charged="no", bill=BILL), NOW)

    assert record.internal.attempts[-1].bill is None


def test_a_bill_that_comes_late_corrects_what_was_counted() -> None:
    record = apply(submitted(), Failed(problem=PROBLEM, charged="unknown"), NOW)
    assert counted(record) == PRICE

    late = AttemptCompleted(run=1, ended=7, charged="yes", bill=BILL, outcome="rendered")
    record = apply(record, late, NOW)

    assert record.cost.actual == counted(record) == BILL.cost
    assert record.internal.attempts[-1].bill == BILL


def test_an_attempt_that_was_counted_by_its_price_has_no_bill_later() -> None:
    record = apply(submitted(), Canceled(charged="yes"), NOW)

    late = AttemptCompleted(run=1, ended=7, charged="yes", bill=BILL, outcome="rendered")
    record = apply(record, late, NOW)

    assert record.cost.actual == counted(record) == PRICE
    assert record.internal.attempts[-1].bill is None


@pytest.mark.parametrize(
    ("price", "units", "cost"),
    [
        ({"amount": "0.03", "unit": "image"}, {"billable_units": "2"}, "0.06"),
        ({"amount": "0.03", "unit": "megapixel"}, {"billable_units": "1.5"}, "0.045"),
        ({"amount": "0.03", "unit": "request"}, {"billable_units": "2"}, None),
        ({"known": False, "unit": "image"}, {"billable_units": "2"}, None),
        ({"parameter": "price"}, {"billable_units": "2"}, None),
        ({"amount": "0.03", "unit": "image"}, {"predict_time": "2"}, None),
        ({"units": {"predict_time": "0.001"}}, {"predict_time": "2.5", "n": "1"}, "0.0025"),
        ({"units": {"input": "0.1", "output": "1"}}, {"input": "3", "output": "2"}, "2.3"),
        ({"units": {"input": "0.1", "output": "1"}}, {"input": "3"}, None),
    ],
)
def test_units_have_a_price_where_the_catalog_says_so(
    price: dict[str, Any], units: dict[str, str], cost: str | None
) -> None:
    told = {name: Decimal(count) for name, count in units.items()}

    billed = Price.model_validate(price).billed_for(told, {})

    assert billed == (None if cost is None else Decimal(cost))


def test_no_unit_costs_less_than_nothing() -> None:
    with pytest.raises(ValidationError, match="predict_time is less than 0"):
        Price.model_validate({"units": {"predict_time": "-0.001"}})


def test_a_variant_of_a_price_is_that_of_the_body() -> None:
    price = Price.model_validate(
        {"amount": "1", "unit": "image", "variants": [{"when": {"quality": "high"}, "amount": "4"}]}
    )

    assert price.billed_for({"billable_units": Decimal(2)}, {"quality": "high"}) == 8


@pytest.mark.parametrize("text", ["", "many", "-1", "nan", "inf", "1e30", None, True, [1]])
def test_what_is_no_amount_of_units_is_none(text: Any) -> None:
    assert amount_in(text) is None


@pytest.mark.parametrize(
    "text",
    ["1e-999999", "2.5" + 5_000 * "0", "0." + 5_000 * "3"],
    ids=["tiny", "zeros", "thirds"],
)
def test_amounts_of_units_are_short_enough_for_an_event(text: str) -> None:
    amount = amount_in(text)

    assert amount is not None
    assert abs(amount - Decimal(text)) < Decimal("1e-11")
    assert len(f"{amount:f}") < 20


def test_units_are_the_numbers_of_a_provider_by_their_names() -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 1568,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "model": "m",
        "is_cached": True,
    }

    assert units_in(usage) == {
        "input_tokens": 50,
        "output_tokens": 1568,
        "input_tokens_details.text_tokens": 10,
        "input_tokens_details.image_tokens": 40,
    }
    assert units_in(None) == units_in([1]) == {}


def test_fal_tells_its_units_in_a_header() -> None:
    assert billed_units(httpx.Response(200, headers={"x-fal-billable-units": "2.25"})) == {
        "billable_units": Decimal("2.25")
    }
    assert billed_units(httpx.Response(200)) == {}


def test_a_bill_names_the_units_that_have_a_price() -> None:
    price = Price.model_validate({"units": {"predict_time": "0.001"}})
    record = submitted()
    model = CATALOG.models[record.model].model_copy(update={"price": price})
    catalog = CATALOG.model_copy(update={"models": {record.model: model}})

    bill = bill_for(record, catalog, {"predict_time": Decimal("2.5"), "n": Decimal(1)})

    assert bill == Bill(units={"predict_time": Decimal("2.5")}, cost=Decimal("0.0025"))


#: what providers tell of one output of the shipped models that are not fal's
TOLD = {
    "replicate/flux-schnell": {"predict_time": "0.5", "image_count": "1"},
    "replicate/flux-kontext-pro": {"predict_time": "4", "image_count": "1"},
    "replicate/imagen-4": {"predict_time": "8", "image_count": "1"},
    "gemini/gemini-2.5-pro": {
        "prompt_token_count": "4000",
        "candidates_token_count": "12000",
        "thoughts_token_count": "4384",
        "total_token_count": "20384",
    },
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_shipped_model_is_billed_comes_to_its_price(name: str) -> None:
    price = CATALOG.models[name].price

    billed = price.billed_for({unit: Decimal(count) for unit, count in TOLD[name].items()}, {})

    assert billed == pytest.approx(price.amount, rel=Decimal("0.02"))


def test_a_model_that_is_in_the_catalog_no_longer_is_counted_by_its_price() -> None:
    record = submitted().model_copy(update={"model": "sim/gone"})

    assert bill_for(record, CATALOG, {"billable_units": Decimal(1)}) is None
