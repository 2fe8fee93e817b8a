"""A submission is told to each model of fal's in its own words."""

from dataclasses import replace
from typing import Any

import pytest

from heliograph.contracts.payloads import Call, build_payload
from heliograph.contracts.payloads.seeds import seed_for
from tests.support.fal.rig import a_submission
from tests.support.records import CATALOG
from tests.support.submissions import with_body

FAL = [name for name in CATALOG.models if name.startswith("fal/")]
ONE, TWO = "https://a.example/1.png", "https://a.example/2.png"


def body(model: str, *references: str, **arguments: Any) -> dict[str, Any]:
    expected = {"prompt": "a lighthouse", **arguments}
    call = Call(model=CATALOG.models[model], arguments=expected, references=references)
    return build_payload(model, call)


@pytest.mark.parametrize(
    ("model", "aspect_ratio", "expected"),
    [
        ("fal/flux-schnell", "16:9", {"image_size": "landscape_16_9"}),
        ("fal/flux-schnell", "3:2", {"image_size": {"width": 1152, "height": 768}}),
        ("fal/flux-kontext", "16:9", {"aspect_ratio": "16:9"}),
        ("fal/nano-banana", "21:9", {"aspect_ratio": "21:9"}),
    ],
)
def test_the_shape_has_the_name_that_the_model_gives_it(
    model: str, aspect_ratio: str, expected: dict[str, Any]
) -> None:
    sent = body(model, aspect_ratio=aspect_ratio)

    assert sent.items() >= expected.items()
    assert len({"image_size", "aspect_ratio"} & sent.keys()) == 1


@pytest.mark.parametrize(
    ("model", "seconds", "duration"),
    [("fal/kling-2.1", 10, "10"), ("fal/hailuo-02", 6, "6"), ("fal/veo-3.1", 8, "8s")],
)
def test_a_duration_is_written_as_the_model_wants_it(
    model: str, seconds: int, duration: str
) -> None:
    sent = body(model, duration_seconds=seconds)

    assert sent["duration"] == duration
    assert "duration_seconds" not in sent


@pytest.mark.parametrize(
    ("model", "references", "expected"),
    [
        ("fal/flux-kontext", [ONE], {"image_url": ONE}),
        ("fal/nano-banana-edit", [ONE, TWO], {"image_urls": [ONE, TWO]}),
        ("fal/nano-banana-edit", [ONE], {"image_urls": [ONE]}),
        ("fal/ideogram-character", [ONE], {"reference_image_urls": [ONE]}),
        ("fal/kling-2.1", [ONE], {"image_url": ONE}),
    ],
)
def test_references_have_the_name_and_the_number_that_the_model_wants(
    model: str, references: list[str], expected: dict[str, Any]
) -> None:
    assert body(model, *references).items() >= expected.items()


@pytest.mark.parametrize("model", FAL)
def test_priced_parameters_are_always_sent(model: str) -> None:
    entry = CATALOG.models[model]
    sent = body(model, **dict.fromkeys(entry.wire.fixed, "raw"))

    assert sent.items() >= entry.wire.fixed.items()
    if entry.price.unit == "second":
        assert "duration" in sent
    if "num_images" in entry.parameters:
        assert sent["num_images"] == 1


def test_fals_own_words_win_over_ours() -> None:
    sent = body(
        "fal/flux-schnell", aspect_ratio="1:1", image_size="portrait_16_9", acceleration="x"
    )

    assert (sent["image_size"], sent["acceleration"]) == ("portrait_16_9", "x")


def test_arguments_that_are_not_fals_are_not_sent() -> None:
    sent = body("fal/flux-schnell", timeout_seconds=60, sync_mode=True)

    assert not {"timeout_seconds", "sync_mode"} & sent.keys()


def test_every_run_has_a_seed_of_its_own_and_always_the_same() -> None:
    submission = a_submission()
    later = replace(submission, run=8, attempt=2)

    seed = submission.body["seed"]

    assert with_body(submission).body["seed"] == seed == seed_for(submission.job, submission.run)
    assert with_body(later).body["seed"] != seed
    assert 0 <= seed < 2**31


def test_a_requested_seed_is_kept() -> None:
    assert body("fal/flux-schnell", seed=7)["seed"] == 7


def test_a_model_without_a_seed_is_given_none() -> None:
    assert "seed" not in body("fal/nano-banana")


def test_there_are_models_to_choose_from_and_each_has_its_price_and_where_it_was_read() -> None:
    prices = [CATALOG.models[name].price for name in FAL]

    assert len(FAL) >= 15
    assert all(price.amount > 0 and price.source for price in prices)
