"""What a request leaves out is decided once, in the first record of its job."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import (
    BodyTooLarge,
    IdempotencyKeyRequired,
    ModelUnavailable,
    OverMaxCost,
    RequestError,
    UnknownKind,
    UnknownModel,
    ValidationFailed,
)
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_steps import Step
from heliograph.contracts.models import Model
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from services.gateway.idempotency import RequestIdentity, matches_digest
from services.gateway.jobs.first_record import MAX_RECORD_BYTES, build_record
from services.gateway.jobs.price_consent import check_key
from tests.support.records import CATALOG, KEYLESS

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def ask(**fields: Any) -> JobRequest:
    return JobRequest.model_validate({"kind": "portrait", "prompt": "a keeper", **fields})


def caller(**fields: Any) -> RequestIdentity:
    return RequestIdentity(**{"project": "demo", "job": new_job_id(), "key": "k", **fields})


def drafted(catalog: Catalog = CATALOG, **fields: Any) -> Record:
    return build_record(ask(**fields), caller(), catalog, NOW)


def pointers(error: RequestError) -> list[str]:
    return [each.pointer for each in error.errors]


def refused(**fields: Any) -> list[str]:
    """Where a request is wrong."""
    with pytest.raises(ValidationFailed) as error:
        drafted(**fields)
    return pointers(error.value)


def urls(number: int) -> list[dict[str, str]]:
    return [{"url": f"https://example.com/{n}.png"} for n in range(number)]


def with_model(**fields: Any) -> Catalog:
    """The catalog with a model of the operator's, `<provider>/mine` at each of some."""
    model = Model.model_validate(
        {"endpoint": "e", "title": "t", "media": "image", "price": {}, **fields}
    )
    mine = {f"{provider}/mine": model for provider in ("sim", "fal", "openai")}
    return CATALOG.model_copy(update={"models": {**CATALOG.models, **mine}})


# -- what is decided


def test_a_job_begins_accepted_and_queued() -> None:
    record = drafted()

    assert record.step is Step.ACCEPTED
    assert (record.status, record.phase) == ("queued", "queued")
    assert (record.revision, record.attempt, record.charged) == (1, 0, "no")
    assert record.created_at == record.internal.changed_at == NOW


def test_the_request_identity_is_recorded() -> None:
    identity = caller(correlation_id="c-1", traceparent="00-1-2-01")

    record = build_record(ask(), identity, CATALOG, NOW)

    assert (record.project, record.id) == (identity.project, identity.job)
    assert (record.internal.correlation_id, record.internal.traceparent) == ("c-1", "00-1-2-01")


def test_the_original_request_is_kept() -> None:
    fields: dict[str, Any] = {
        "prompt": "a keeper, oil on canvas",
        "edit_prompt": "at night",
        "slot": "portrait/char-123",
        "priority": "high",
        "user": "alice",
        "tags": {"show": "s1"},
        "arguments": {"raw": [1, 2.5]},
    }

    record = drafted(with_model(arguments={"raw": {}}), model="fal/mine", **fields)

    assert record.model_dump(include=set(fields)) == fields


def test_a_kind_decides_lane_and_model() -> None:
    record = drafted(KEYLESS, kind="scenes")

    assert (record.lane, record.model, record.provider) == ("text", "sim/text", "sim")
    assert record.internal.account == "sim"


def test_a_request_may_choose_its_model() -> None:
    record = drafted(model="sim/edit", references=urls(1))

    assert (record.lane, record.model) == ("portraits", "sim/edit")


def test_a_kind_fills_in_its_parameters() -> None:
    assert drafted(kind="shot").parameters == {"aspect_ratio": "16:9"}
    assert drafted(kind="shot", parameters={"aspect_ratio": "1:1"}).parameters == {
        "aspect_ratio": "1:1"
    }


def test_a_kind_fills_in_only_what_the_model_knows() -> None:
    catalog = with_model(parameters={"seed": {"type": "integer"}})

    assert drafted(catalog, kind="shot", model="sim/mine").parameters == {}


def test_an_attempt_may_run_as_long_as_its_kind_says_unless_the_request_does() -> None:
    assert drafted().internal.timeout_seconds == 120
    assert drafted(parameters={"timeout_seconds": 5}).internal.timeout_seconds == 5


# -- what is refused


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownKind) as error:
        drafted(kind="sculpture")

    assert pointers(error.value) == ["/kind"]


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModel) as error:
        drafted(model="sim/nothing")

    assert pointers(error.value) == ["/model"]


def test_a_model_that_makes_something_else_is_refused() -> None:
    assert refused(model="sim/motion") == ["/model"]


def test_a_model_without_an_account_is_not_available() -> None:
    model = CATALOG.models["sim/picture"]
    catalog = CATALOG.model_copy(update={"models": {**CATALOG.models, "acme/picture": model}})

    with pytest.raises(ModelUnavailable):
        drafted(catalog, model="acme/picture")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=-1)])
def test_a_deadline_is_in_the_future(late: timedelta) -> None:
    assert refused(finish_by=NOW + late) == ["/finish_by"]


def test_a_deadline_is_kept() -> None:
    assert drafted(finish_by=NOW + timedelta(seconds=1)).finish_by == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"seed": -1}, ["/parameters/seed"]),
        ({"seed": "7"}, ["/parameters/seed"]),
        ({"aspect_ratio": "5:1"}, ["/parameters/aspect_ratio"]),
        ({"num_images": 5, "steps": 0}, ["/parameters/num_images", "/parameters/steps"]),
        ({"colour": "red"}, ["/parameters"]),
    ],
)
def test_parameters_are_those_of_the_model(parameters: dict[str, Any], where: list[str]) -> None:
    assert sorted(refused(parameters=parameters)) == where


def test_a_pointer_to_a_parameter_is_escaped() -> None:
    catalog = with_model(parameters={"a/b": {"type": "integer"}})

    with pytest.raises(ValidationFailed) as error:
        drafted(catalog, model="sim/mine", parameters={"a/b": "x"})

    assert pointers(error.value) == ["/parameters/a~1b"]


def test_a_missing_required_parameter_is_refused() -> None:
    catalog = with_model(parameters={"seed": {"type": "integer"}}, required=["seed"])

    with pytest.raises(ValidationFailed, match="'seed' is a required property"):
        drafted(catalog, model="sim/mine")


# -- references


def test_references_are_kept_in_order() -> None:
    record = drafted(references=urls(3))

    assert [reference.model_dump() for reference in record.references] == urls(3)
    assert (record.internal.max_references, record.detail) == (3, None)


@pytest.mark.parametrize(
    ("fields", "used"),
    [
        ({"max_references": 1}, 1),
        ({"max_references": 5}, 5),
        ({"max_references": 16}, 5),
        ({"kind": "video"}, 4),
        ({"kind": "video", "max_references": 2}, 2),
    ],
)
def test_references_are_cut_to_the_first_ones(fields: dict[str, Any], used: int) -> None:
    record = drafted(references=urls(5), **fields)

    assert [reference.model_dump() for reference in record.references] == urls(5)[:used]
    assert record.detail == (None if used == 5 else f"the first {used} of 5 references are used")


def test_a_request_is_known_by_the_references_it_sent() -> None:
    one = drafted(references=urls(5), max_references=1)
    another = drafted(references=urls(1), max_references=1)

    assert one.references == another.references
    assert one.internal.input_digest != another.internal.input_digest


def test_a_model_that_takes_no_references_gets_none() -> None:
    assert refused(kind="scenes", references=urls(1)) == ["/references"]


def test_a_model_that_needs_references_gets_them() -> None:
    assert refused(model="sim/edit") == ["/references"]


def test_what_is_not_there_cannot_be_cut() -> None:
    assert refused(max_references=1) == ["/max_references"]


def test_references_are_not_cut_below_what_the_model_needs() -> None:
    catalog = with_model(min_references=2, max_references=4)

    with pytest.raises(ValidationFailed, match="at least 2, and would get 1"):
        drafted(catalog, model="sim/mine", references=urls(3), max_references=1)


# -- money


def test_the_price_is_estimated() -> None:
    assert drafted(parameters={"price": "0.0030"}).cost.estimated == Decimal("0.0030")
    assert drafted().cost.estimated == 0


def test_a_price_has_the_currency_of_its_model() -> None:
    catalog = with_model(price={"amount": "0.5", "currency": "EUR"})

    cost = drafted(catalog, model="sim/mine").cost

    assert (cost.estimated, cost.actual, cost.currency) == (Decimal("0.5"), None, "EUR")


@pytest.mark.parametrize("most", ["0.5", "0.50", "1"])
def test_a_job_may_cost_as_much_as_the_request_allows(most: str) -> None:
    assert drafted(parameters={"price": "0.5"}, max_cost=most)


@pytest.mark.parametrize("most", ["0", "0.499999"])
def test_a_job_that_costs_more_is_refused(most: str) -> None:
    with pytest.raises(OverMaxCost):
        drafted(parameters={"price": "0.5"}, max_cost=most)


def test_what_costs_money_needs_a_key() -> None:
    with pytest.raises(IdempotencyKeyRequired):
        check_key(drafted(parameters={"price": "0.000001"}).cost, None)


def test_what_is_free_needs_none() -> None:
    check_key(drafted(parameters={"price": "0.00"}).cost, None)


# -- raw arguments


LISTED = {"fake": {"type": "boolean"}, "speed": {"enum": ["slow", "fast"]}}
PICTURES: dict[str, Any] = {
    "price": {"amount": "0.05", "unit": "image"},
    "wire": {"count": "n", "references": "image_urls", "fixed": {"quality": "medium"}},
    "parameters": {"num_images": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1}},
    "max_references": 2,
}


@pytest.mark.parametrize(
    "name",
    [
        "num_images",
        "n",
        "image_urls",
        "quality",
        "model",
        "prompt",
        "size",
        "image_size",
        "duration",
        "resolution",
        "seed",
        "timeout_seconds",
        "stream",
        "anything",
        "a/b",
    ],
)
@pytest.mark.parametrize("provider", ["openai", "fal"])
def test_no_raw_argument_says_what_is_not_on_the_list_of_its_model(
    name: str, provider: str
) -> None:
    catalog = with_model(**PICTURES, arguments=LISTED)

    with pytest.raises(ValidationFailed) as error:
        drafted(catalog, model=f"{provider}/mine", arguments={name: 8, "fake": True})

    assert pointers(error.value) == [f"/arguments/{name.replace('/', '~1')}"]


def test_a_locked_project_and_a_cost_limit_hold_whatever_the_arguments_say() -> None:
    request = ask(
        model="openai/gpt-image-2",
        max_cost="0.06",
        arguments={"n": 8, "model": "dearer", "size": "4096x4096"},
    )

    with pytest.raises(ValidationFailed) as error:
        build_record(
            request, caller(), CATALOG, NOW, defaults=Defaults(locked_model="openai/gpt-image-2")
        )

    assert pointers(error.value) == ["/arguments/n", "/arguments/model", "/arguments/size"]
    [action] = error.value.next_actions
    assert action.patch == {"arguments": {}}


def test_a_model_without_a_list_takes_no_raw_arguments() -> None:
    assert refused(arguments={"seconds": 0}) == ["/arguments/seconds"]


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [({"fake": 1}, "/arguments/fake"), ({"speed": ""}, "/arguments/speed")],
)
def test_a_raw_argument_is_checked_by_its_schema(arguments: dict[str, Any], pointer: str) -> None:
    catalog = with_model(**PICTURES, arguments=LISTED)

    with pytest.raises(ValidationFailed) as error:
        drafted(catalog, model="openai/mine", arguments=arguments)

    assert pointers(error.value) == [pointer]


@pytest.mark.parametrize(
    ("fixed", "parameters", "cost"),
    [
        ({}, {}, "0.05"),
        ({}, {"num_images": 3}, "0.15"),
        ({"n": 4}, {}, "0.20"),
        ({"n": 4}, {"num_images": 2}, "0.20"),
    ],
)
def test_the_price_is_that_of_the_body_that_will_be_sent(
    fixed: dict[str, Any], parameters: dict[str, Any], cost: str
) -> None:
    wire = {**PICTURES["wire"], "fixed": fixed}
    catalog = with_model(**{**PICTURES, "wire": wire})

    record = drafted(catalog, model="openai/mine", parameters=parameters)

    assert record.cost.estimated == Decimal(cost)


def test_a_price_per_second_is_read_from_the_duration_as_it_will_be_sent() -> None:
    film = {
        "media": "video",
        "price": {"amount": "0.5", "unit": "second"},
        "wire": {"duration": "suffixed"},
        "parameters": {"duration_seconds": {"enum": [4, 8], "default": 8}},
    }
    catalog = with_model(**film)

    assert drafted(catalog, kind="video", model="fal/mine").cost.estimated == 4


# -- addresses of references


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://[::1",
        "http:///x.png",
        "http://h:99999/x",
        "http://h:x/",
        "http://[::g]/x",
        "https://a..b/x",
        "https://xn--/x",
        "http://.",
        "https://\u200bx.org/",
        f"https://{'a' * 64}.org/x.png",
    ],
)
def test_an_invalid_reference_url_is_refused_at_submission(url: str) -> None:
    good = "https://example.com/a.png"

    wrong = refused(model="sim/edit", references=[{"url": good}, {"url": url}])

    assert wrong == ["/references/1/url"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/a.png",
        "http://[::1]/a",
        "https://münchen.example/é.png?a=b#c",
        "https://user:word@example.com./a",
        "http://my_host/a",
    ],
)
def test_an_address_of_the_web_is_taken_as_it_is(url: str) -> None:
    record = drafted(model="sim/edit", references=[{"url": url}])

    assert [each.url for each in record.references] == [url]


# -- digests


def test_a_model_that_is_left_out_is_the_one_of_the_kind() -> None:
    one, another = drafted(), drafted(model="sim/picture")

    assert one.internal.body_digest == another.internal.body_digest
    assert one.internal.input_digest == another.internal.input_digest


def test_a_request_is_known_again_by_its_key() -> None:
    record = drafted(tags={"show": "s1"})

    assert matches_digest(ask(tags={"show": "s1"}), record.internal.body_digest, record.model)
    assert matches_digest(
        ask(tags={"show": "s1"}, model="sim/picture"), record.internal.body_digest, record.model
    )


@pytest.mark.parametrize(
    "change", [{"prompt": "x"}, {"tags": {"show": "s2"}}, {"model": "sim/edit"}, {"slot": "a"}]
)
def test_another_request_is_not(change: dict[str, Any]) -> None:
    record = drafted(tags={"show": "s1"})
    other = ask(**{"tags": {"show": "s1"}, **change})

    assert not matches_digest(other, record.internal.body_digest, record.model)


def test_a_default_that_changed_since_does_not_make_it_another_request() -> None:
    record = drafted()
    kinds = {name: kind.model_copy() for name, kind in CATALOG.kinds.items()}
    kinds["portrait"] = kinds["portrait"].model_copy(update={"model": "sim/edit"})
    catalog = CATALOG.model_copy(update={"kinds": kinds})

    assert drafted(catalog, references=urls(1)).model == "sim/edit"
    assert matches_digest(ask(), record.internal.body_digest, record.model)


def test_a_key_may_stand_for_another_body_than_the_request() -> None:
    record = build_record(ask(), caller(), CATALOG, NOW, body_digest="d", retry_of="job_x")

    assert record.internal.body_digest == "d"
    assert record.retry_of == "job_x"


def test_a_request_that_its_events_have_no_room_for_is_refused() -> None:
    """Its parameters are bounded by nothing but the schema of an operator's model."""
    catalog = with_model(parameters={"words": {"type": "string"}})

    def with_words(count: int) -> Record:
        return drafted(catalog, model="fal/mine", parameters={"words": "x" * count})

    fitting = with_words(MAX_RECORD_BYTES // 2)
    assert len(fitting.model_dump_json()) < MAX_RECORD_BYTES
    with pytest.raises(BodyTooLarge):
        with_words(MAX_RECORD_BYTES - 100)


def test_everything_that_a_request_may_say_fits() -> None:
    longest = "描" * 20_000
    catalog = with_model(arguments={"a": {}}, max_references=16)
    record = drafted(
        catalog,
        model="fal/mine",
        prompt=longest,
        edit_prompt=longest,
        arguments={"a": "x" * 32_000},
        references=[{"url": f"https://example.com/{n}?{'x' * 2_000}"} for n in range(16)],
        tags={f"t{n}": "描" * 256 for n in range(16)},
    )

    assert record.prompt == longest
