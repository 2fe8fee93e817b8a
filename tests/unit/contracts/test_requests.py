"""A request is refused where it is wrong, and known again however it was written down."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from heliograph.contracts.canonical_json import canonical, digest
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.references import Reference
from heliograph.contracts.requests import MAX_ARGUMENTS, CancelRequest, JobRequest, OnAmbiguous
from heliograph.contracts.retry_requests import RetryRequest

ASKED: dict[str, Any] = {"kind": "image", "prompt": "a lighthouse"}
ASSET = "ast_01ARZ3NDEKTSV4RRFFQ69G5FAV_0"
UPLOAD = "sha256:" + "0" * 64

DEFAULTS: list[dict[str, Any]] = [
    {"model": None},
    {"slot": None},
    {"references": []},
    {"max_references": None},
    {"edit_prompt": None},
    {"parameters": {}},
    {"arguments": {}},
    {"priority": "normal"},
    {"user": None},
    {"tags": {}},
    {"finish_by": None},
    {"max_cost": None},
    {"on_ambiguous": {}},
    {"on_ambiguous": {"action": "ask"}},
    {"quote": None, "after": [], "replace": False, "reuse": False},
]

thorough = settings(max_examples=100, deadline=None)

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def ask(**fields: Any) -> JobRequest:
    return JobRequest.model_validate({**ASKED, **fields})


def mistakes(**fields: Any) -> list[tuple[int | str, ...]]:
    """Where the request is wrong."""
    with pytest.raises(ValidationError) as error:
        ask(**fields)
    return [each["loc"] for each in error.value.errors()]


# -- what makes two requests the same


@pytest.mark.parametrize("default", DEFAULTS, ids=" ".join)
def test_a_default_that_is_written_down_is_the_same_as_one_left_out(
    default: dict[str, Any],
) -> None:
    assert ask(**default).digest() == ask().digest()
    assert ask(**default).input_digest() == ask().input_digest()


def test_every_field_with_a_default_was_tried() -> None:
    tried = {name for default in DEFAULTS for name in default}

    assert tried == set(JobRequest.model_fields) - set(ASKED)


@thorough
@given(
    members=st.dictionaries(st.text(max_size=8), values, max_size=5),
    shuffled=st.randoms(use_true_random=False),
)
def test_the_order_of_members_is_irrelevant(members: dict[str, Any], shuffled: Any) -> None:
    names = list(members)
    shuffled.shuffle(names)
    other = {name: members[name] for name in names}

    assert ask(arguments=members).digest() == ask(arguments=other).digest()
    assert canonical(members) == canonical(other)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "portrait"},
        {"prompt": "a lighthouse, at night"},
        {"prompt": "a lighthouse "},
        {"model": "sim/picture"},
        {"edit_prompt": "at night"},
        {"parameters": {"seed": 1}},
        {"arguments": {"seed": 1}},
        {"references": [{"asset": ASSET}]},
    ],
    ids=" ".join,
)
def test_another_input_gives_another_result(change: dict[str, Any]) -> None:
    assert ask(**change).input_digest() != ask().input_digest()
    assert ask(**change).digest() != ask().digest()


@pytest.mark.parametrize(
    "change",
    [
        {"slot": "shot/12"},
        {"max_references": 1},
        {"priority": "high"},
        {"user": "alice"},
        {"tags": {"show": "s1"}},
        {"finish_by": "2030-01-01T00:00:00Z"},
        {"max_cost": "0.5"},
        {"on_ambiguous": {"action": "fail"}},
    ],
    ids=" ".join,
)
def test_other_request_options_change_the_body_digest_but_not_the_input_digest(
    change: dict[str, Any],
) -> None:
    assert ask(**change).input_digest() == ask().input_digest()
    assert ask(**change).digest() != ask().digest()


def test_the_order_of_references_is_part_of_the_input() -> None:
    one, another = {"asset": ASSET}, {"upload": UPLOAD}

    assert (
        ask(references=[one, another]).input_digest()
        != ask(references=[another, one]).input_digest()
    )


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"max_cost": "0.5"}, {"max_cost": "0.50"}),
        ({"max_cost": 1}, {"max_cost": 1.0}),
        ({"finish_by": "2030-01-01T00:00:00Z"}, {"finish_by": "2030-01-01T01:00:00+01:00"}),
        ({"finish_by": "9999-12-31T23:00:00-01:00"}, {"finish_by": "9999-12-31T22:00:00-02:00"}),
        ({"parameters": {"seconds": 1}}, {"parameters": {"seconds": 1.0}}),
        ({"arguments": {"sizes": [{"x": 1e3}]}}, {"arguments": {"sizes": [{"x": 1000}]}}),
    ],
)
def test_the_same_value_written_in_another_way_is_the_same(
    one: dict[str, Any], another: dict[str, Any]
) -> None:
    assert ask(**one).digest() == ask(**another).digest()
    assert ask(**one).input_digest() == ask(**another).input_digest()


@pytest.mark.parametrize("other", [True, "1", 1.5, -1, [1], None])
def test_what_only_looks_like_the_same_value_is_another(other: object) -> None:
    assert canonical({"seconds": other}) != canonical({"seconds": 1})


def test_a_digest_is_the_same_for_ever_because_keys_are_kept_for_ever() -> None:
    text = rb'{"a":null,"b":[1,"\u00e9"]}'

    assert canonical({"b": [1, "é"], "a": None}) == text
    assert digest({"b": [1, "é"], "a": None}) == sha256(text).hexdigest()


# -- what a request may say


@pytest.mark.parametrize("prompt", ["x", "x" * 20_000, "🗼" * 20_000])
def test_a_prompt_has_up_to_20000_characters(prompt: str) -> None:
    assert ask(prompt=prompt).prompt == prompt


@pytest.mark.parametrize("prompt", ["", "x" * 20_001, None, 5])
def test_no_prompt_and_a_longer_one_are_refused(prompt: object) -> None:
    assert mistakes(prompt=prompt) == [("prompt",)]


def test_unknown_fields_are_refused() -> None:
    assert mistakes(prompts="x") == [("prompts",)]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": "picture"}, ("model",)),
        ({"slot": "a//b"}, ("slot",)),
        ({"references": [{"asset": ASSET}] * 17}, ("references",)),
        ({"max_references": 0}, ("max_references",)),
        ({"max_references": 17}, ("max_references",)),
        ({"edit_prompt": ""}, ("edit_prompt",)),
        ({"parameters": []}, ("parameters",)),
        ({"priority": "urgent"}, ("priority",)),
        ({"user": "x" * 129}, ("user",)),
        ({"tags": {str(n): "" for n in range(17)}}, ("tags",)),
        ({"tags": {"a b": ""}}, ("tags", "a b", "[key]")),
        ({"tags": {"a": "x" * 257}}, ("tags", "a")),
        ({"finish_by": "2030-01-01T00:00:00"}, ("finish_by",)),
        ({"max_cost": -1}, ("max_cost",)),
        ({"max_cost": "0.1234567"}, ("max_cost",)),
        ({"on_ambiguous": {"action": "resubmit"}}, ("on_ambiguous",)),
        ({"on_ambiguous": {"action": "fail", "below": "1"}}, ("on_ambiguous",)),
        ({"on_ambiguous": {"action": "resubmit", "below": "-1"}}, ("on_ambiguous", "below")),
        ({"on_ambiguous": {"action": "hope"}}, ("on_ambiguous", "action")),
    ],
)
def test_a_field_that_is_wrong_is_named(
    fields: dict[str, Any], where: tuple[int | str, ...]
) -> None:
    assert mistakes(**fields) == [where]


def test_a_quote_is_no_longer_than_we_make_them() -> None:
    assert ask(quote="q" * 256).quote
    assert mistakes(quote="q" * 257) == [("quote",)]


def test_an_empty_quote_is_a_quote_so_that_a_known_key_may_have_it() -> None:
    assert ask(quote="").digest() != ask().digest()


def test_a_job_waits_for_a_few_others_and_for_jobs_only() -> None:
    assert ask(after=[new_job_id() for _ in range(16)]).after
    assert mistakes(after=[new_job_id() for _ in range(17)]) == [("after",)]
    assert mistakes(after=["shot/12"]) == [("after", 0)]


def test_arguments_have_up_to_32_kib_as_json() -> None:
    room = MAX_ARGUMENTS - len(canonical({"a": ""}))

    assert ask(arguments={"a": "x" * room})
    assert mistakes(arguments={"a": "x" * (room + 1)}) == [("arguments",)]


# -- references


@pytest.mark.parametrize(
    "place", [{"asset": ASSET}, {"url": "https://example.com/a.png"}, {"upload": UPLOAD}]
)
def test_a_reference_says_only_its_place(place: dict[str, str]) -> None:
    assert Reference.model_validate(place).model_dump() == place


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"asset": None},
        {"asset": ASSET, "upload": UPLOAD},
        {"url": "ftp://example.com/a.png"},
        {"url": "https://example.com/a b"},
        {"url": "https://example.com/" + "a" * 2048},
        {"upload": "0" * 64},
        {"asset": "ast_1"},
        {"file": "a.png"},
    ],
)
def test_a_reference_names_exactly_one_good_place(places: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Reference.model_validate(places)


# -- other requests


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({}, True),
        ({"action": "ask", "below": None}, True),
        ({"below": "0.05"}, False),
        ({"action": "fail", "below": "0.05"}, False),
        ({"action": "resubmit", "below": "0.05"}, True),
        ({"action": "resubmit", "below": None}, False),
        ({"action": "resubmit"}, False),
    ],
    ids=str,
)
def test_the_schema_of_a_policy_allows_what_the_service_does(
    policy: dict[str, Any], allowed: bool
) -> None:
    validator = Draft202012Validator(OnAmbiguous.model_json_schema())

    assert validator.is_valid(policy) == allowed == is_accepted(policy)


def is_accepted(policy: dict[str, Any]) -> bool:
    try:
        OnAmbiguous.model_validate(policy)
    except ValidationError:
        return False
    return True


def test_cancel_stops_a_job_by_default() -> None:
    assert CancelRequest().mode == "stop"


def test_a_retry_chooses_its_step_by_default() -> None:
    assert RetryRequest.model_validate({}).from_ is None
    assert RetryRequest.model_validate({"from": "poll"}).from_ == "poll"


@pytest.mark.parametrize("body", [{"from": "start"}, {"from_": "poll"}, {"mode": "stop"}])
def test_a_retry_from_nowhere_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RetryRequest.model_validate(body)
