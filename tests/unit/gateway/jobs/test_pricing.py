"""What a request costs is decided before its job is there: by the catalog, the caller or the project."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import OverMaxCost, PriceUnknown, QuoteExpired, ValidationFailed
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.jobs import Cost
from heliograph.contracts.models import Model
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.clock import now
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record
from services.gateway.jobs.quote_signer import QuoteSigner
from tests.support.records import CATALOG

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SIZED = {
    "amount": "0.02",
    "unit": "image",
    "variants": [
        {"when": {"size": "1024x1536", "quality": "high"}, "amount": "0.25"},
        {"when": {"quality": "high"}, "amount": "0.17"},
    ],
}


def catalog_with(price: dict[str, Any] | None, provider: str = "openai", **fields: Any) -> Catalog:
    """The catalog with one more model, `<provider>/mine`."""
    facts = {"endpoint": "e", "title": "t", "media": "image", "arguments": {"quality": {}}}
    model = Model.model_validate({**facts, **fields, **({"price": price} if price else {})})
    return CATALOG.model_copy(update={"models": {**CATALOG.models, f"{provider}/mine": model}})


def drafted(catalog: Catalog, defaults: Defaults | None = None, **fields: Any) -> Record:
    body = {"kind": "portrait", "prompt": "a keeper", "model": "openai/mine", **fields}
    caller = RequestIdentity(project="demo", job=new_job_id(), key="k")
    request = JobRequest.model_validate(body)
    return build_record(request, caller, catalog, NOW, defaults=defaults or Defaults())


def estimated(catalog: Catalog, defaults: Defaults | None = None, **fields: Any) -> Decimal:
    return drafted(catalog, defaults, **fields).cost.estimated


# -- by what the provider gets


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({}, "0.02"),
        ({"arguments": {"quality": "low"}}, "0.02"),
        ({"arguments": {"quality": "high"}}, "0.17"),
        ({"arguments": {"quality": "high"}, "parameters": {"aspect_ratio": "2:3"}}, "0.25"),
        ({"arguments": {"quality": "high"}, "parameters": {"num_images": 3}}, "0.51"),
    ],
    ids=["plain", "low", "high", "high and tall", "three"],
)
def test_size_and_quality_have_prices_of_their_own(fields: dict[str, Any], price: str) -> None:
    parameters = {"aspect_ratio": {"enum": ["1:1", "2:3"]}, "num_images": {"type": "integer"}}

    assert estimated(catalog_with(SIZED, parameters=parameters), **fields) == Decimal(price)


@pytest.mark.parametrize(
    ("size", "price"),
    [((1024, 1024), "0.01"), ((1025, 1024), "0.02"), ((2048, 2048), "0.04"), ((64, 64), "0.01")],
    ids=lambda value: str(value),
)
def test_begun_megapixels_are_paid_for(size: tuple[int, int], price: str) -> None:
    priced = {"amount": "0.01", "unit": "megapixel"}
    catalog = catalog_with(priced, provider="fal", parameters={"image_size": {"type": "object"}})
    width, height = size

    estimate = estimated(
        catalog,
        model="fal/mine",
        parameters={"image_size": {"width": width, "height": height}},
    )

    assert estimate == Decimal(price)


# -- where nobody knows


def test_a_model_of_unknown_price_is_refused_where_nobody_says_what_it_may_cost() -> None:
    with pytest.raises(PriceUnknown) as error:
        drafted(catalog_with(None))

    assert [each.pointer for each in error.value.errors] == ["/max_cost"]


def test_a_job_of_unknown_price_counts_as_what_its_caller_allows() -> None:
    assert estimated(catalog_with(None), max_cost="0.30") == Decimal("0.30")


def test_nothing_is_no_answer_to_an_unknown_price() -> None:
    with pytest.raises(PriceUnknown):
        drafted(catalog_with(None), max_cost="0")


@pytest.mark.parametrize("amount", ["0.10", "0"])
def test_a_project_may_allow_unknown_prices(amount: str) -> None:
    allowed = Defaults(unpriced_max_cost=Decimal(amount))

    assert estimated(catalog_with(None), allowed) == Decimal(amount)
    assert estimated(catalog_with(None), allowed, max_cost="0.30") == Decimal("0.30")


def test_a_known_price_is_not_what_a_project_allows_for_unknown_ones() -> None:
    allowed = Defaults(unpriced_max_cost=Decimal("0.10"))

    assert estimated(catalog_with(SIZED), allowed) == Decimal("0.02")


# -- quotes


@pytest.fixture
def signer() -> QuoteSigner:
    async def secret() -> bytes:
        return b"known to all gateways"

    return QuoteSigner(secret)


@pytest.fixture
def sign(signer: QuoteSigner) -> Callable[..., Awaitable[JobRequest]]:
    """A request with its quote."""

    async def quoted(amount: str, *, seconds: float = 60, **fields: Any) -> JobRequest:
        request = JobRequest.model_validate({"kind": "portrait", "prompt": "a keeper", **fields})
        end = now() + timedelta(seconds=seconds)
        token = await signer.sign("demo", request, Cost(estimated=Decimal(amount)), end)
        return request.model_copy(update={"quote": token})

    return quoted


@pytest.mark.parametrize("price", ["0.05", "0.04", "0"])
async def test_a_quote_covers_its_price_and_less(
    signer: QuoteSigner, sign: Callable[..., Awaitable[JobRequest]], price: str
) -> None:
    await signer.check("demo", await sign("0.05"), Cost(estimated=Decimal(price)))


async def test_a_price_that_has_risen_is_refused_with_what_would_allow_it(
    signer: QuoteSigner, sign: Callable[..., Awaitable[JobRequest]]
) -> None:
    with pytest.raises(OverMaxCost, match=r"0\.06 USD, the quote says 0\.05") as error:
        await signer.check("demo", await sign("0.05"), Cost(estimated=Decimal("0.06")))

    assert error.value.next_actions[0].patch == {"max_cost": "0.06", "quote": None}


async def test_an_old_quote_covers_nothing(
    signer: QuoteSigner, sign: Callable[..., Awaitable[JobRequest]]
) -> None:
    with pytest.raises(QuoteExpired):
        await signer.check("demo", await sign("0.05", seconds=-1), Cost())


@pytest.mark.parametrize(
    "changes", [{"prompt": "another"}, {"model": "sim/edit"}, {"parameters": {"seed": 1}}], ids=str
)
async def test_a_quote_is_for_one_request(
    signer: QuoteSigner, sign: Callable[..., Awaitable[JobRequest]], changes: dict[str, Any]
) -> None:
    other = (await sign("0.05")).model_copy(update=changes)

    with pytest.raises(ValidationFailed) as error:
        await signer.check("demo", other, Cost())

    assert [each.pointer for each in error.value.errors] == ["/quote"]


async def test_an_empty_quote_is_for_no_request(signer: QuoteSigner) -> None:
    request = JobRequest(kind="portrait", prompt="a keeper", quote="")

    with pytest.raises(ValidationFailed) as error:
        await signer.check("demo", request, Cost())

    assert [each.pointer for each in error.value.errors] == ["/quote"]


async def test_what_does_not_change_the_result_may_change(
    signer: QuoteSigner, sign: Callable[..., Awaitable[JobRequest]]
) -> None:
    other = (await sign("0.05")).model_copy(update={"slot": "a/b", "tags": {"show": "s1"}})

    await signer.check("demo", other, Cost(estimated=Decimal("0.05")))
