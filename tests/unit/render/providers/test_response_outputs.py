"""Outputs are found in whatever shape a model gives its response, and judged one by one."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from services.render.providers.output_entries import OutputEntry, Search
from services.render.providers.response_outputs import find_outputs
from tests.support.emulation.files import picture

IMAGES = Search(media="image", base_url="https://there.example/v1/")
VIDEOS = Search(media="video")
ONE, TWO = "https://there.example/1.png", "https://there.example/2.png"
FILM = "https://there.example/film.mp4"
PICTURE = picture("a lighthouse")
INLINE = base64.b64encode(PICTURE).decode()
DATA = f"data:image/png;base64,{INLINE}"


def urls(response: Any, search: Search = IMAGES) -> list[str | None]:
    return [slot.url for slot in find_outputs(response, search)]


def only(response: Any, search: Search = IMAGES) -> OutputEntry:
    [slot] = find_outputs(response, search)
    return slot


# -- where outputs are


@pytest.mark.parametrize(
    "response",
    [
        {"images": [{"url": ONE}, {"url": TWO}]},
        {"images": [ONE, TWO]},
        {"images": [[ONE], [TWO]]},
        {"images": [{"image": {"url": ONE}}, {"image": {"url": TWO}}], "seed": 7},
        {"data": [{"url": ONE, "revised_prompt": "a keeper"}, {"url": TWO}]},
        {"result": {"images": [{"url": ONE}, {"url": TWO}]}},
        {"output": [{"file": ONE, "width": 64}, {"file": TWO, "width": 64}]},
        {"left": ONE, "right": TWO},
        {"images": [{"image_url": {"url": ONE}}, {"image_url": {"url": TWO}}]},
        {"output": {"url": "https://there.example/x.svg", "png": ONE, "large": {"src": TWO}}},
        [ONE, TWO],
        [{"href": ONE}, {"href": TWO}],
    ],
    ids=str,
)
def test_files_are_found_in_any_shape(response: Any) -> None:
    assert urls(response) == [ONE, TWO]


@pytest.mark.parametrize(
    "response",
    [
        {"images": None, "image": {"url": ONE}},
        {"images": [], "image": ONE},
        {"images": [None], "output": [ONE]},
        {"image": ONE, "seed": 77, "nsfw": False, "caption": "a keeper"},
        {"image": {"url": ONE}, "images": [{"url": ONE}]},
        {"image": ONE, "again": {"url": ONE}},
        {"url": "", "b64_json": "", "images": [ONE]},
        ONE,
    ],
    ids=str,
)
def test_a_value_counts_and_each_file_once(response: Any) -> None:
    assert urls(response) == [ONE]


@pytest.mark.parametrize(
    "beside",
    [
        {"input": {"image_url": TWO}},
        {"input_images": [TWO]},
        {"urls": {"get": TWO}},
        {"logs": f"see {TWO}"},
        {"preview": {"url": TWO}},
        {"thumbnail_url": TWO},
        {"mask_url": TWO},
        {"poster": {"url": TWO}},
        {"metrics": {"page": TWO}},
        {"note": f"look at {TWO}"},
        {"audio": {"url": "https://there.example/a.mp3"}},
    ],
    ids=str,
)
def test_an_invalid_result_is_not_taken_for_one(beside: dict[str, Any]) -> None:
    assert urls({**beside, "made": {"url": ONE}}) == [ONE]


def test_a_reference_url_in_the_response_is_not_an_output() -> None:
    search = Search(media="image", sent=[TWO])

    assert urls({"image": {"url": TWO}, "edited": {"url": ONE}}, search) == [ONE]


def test_an_address_that_we_sent_fills_no_place_of_a_list() -> None:
    search = Search(media="image", sent=[TWO])

    assert urls({"images": [{"url": TWO}, {"url": ONE}, TWO]}, search) == [None, ONE, None]


@pytest.mark.parametrize(
    "response",
    [
        {"upscaled": TWO, "image": ONE},
        {"extra": {"url": TWO}, "outputs": {"left": ONE}},
        {"made": {"second": TWO, "image": {"url": ONE}}},
    ],
    ids=str,
)
def test_what_stands_under_usual_names_comes_first(response: Any) -> None:
    assert urls(response) == [ONE, TWO]


def test_a_type_that_says_nothing_may_be_any() -> None:
    there = "https://there.example/x"
    response = {
        "images": [{"url": there, "content_type": "application/octet-stream"}],
        "video": FILM,
    }

    assert urls(response) == urls(response, VIDEOS) == [there]


def test_only_files_of_the_media_that_the_model_makes_count() -> None:
    response = {"image": {"url": ONE}, "video": {"url": FILM}}

    assert urls(response, VIDEOS) == [FILM]
    assert urls(response, IMAGES) == [ONE]


@pytest.mark.parametrize("kind", ["image/svg+xml", "model/gltf-binary", "text/html"])
def test_where_nothing_else_came_the_wrong_type_is_shown_to_storage(kind: str) -> None:
    response = {"images": [{"url": "https://there.example/x", "content_type": kind}]}

    assert urls(response) == ["https://there.example/x"]


def test_the_models_entry_says_where_outputs_are() -> None:
    response = {"images": [{"url": ONE}], "made": {"frames": [{"url": TWO}]}}

    assert urls(response, Search(media="image", location="made.frames")) == [TWO]
    assert urls(response, Search(media="image", location="not.there")) == [ONE]


@pytest.mark.parametrize("value", ["/files/1.png", "../files/1.png", "//there.example/files/1.png"])
def test_a_relative_address_is_relative_to_the_provider(value: str) -> None:
    assert urls({"images": [{"url": value}]}) == ["https://there.example/files/1.png"]


@pytest.mark.parametrize(
    "response",
    [None, {}, [], {"images": []}, {"images": None}, {"output": [None]}, {"images": [{}]}],
    ids=str,
)
def test_an_answer_without_anything_has_no_odd_slot(response: Any) -> None:
    slots = find_outputs(response, IMAGES)

    assert all(slot.is_empty and not slot.is_odd for slot in slots)


@pytest.mark.parametrize(
    "response",
    [
        "nothing",
        {"pictures": "none"},
        {"images": "none"},
        {"images": [{"url": "ftp://there.example/1.png"}]},
        {"images": [{"url": "https://there.example/" + "a" * 5_000}]},
        {"images": [{"b64_json": "*"}]},
        {"images": [7]},
    ],
    ids=lambda response: str(response)[:60],
)
def test_an_entry_that_is_not_a_file_is_invalid(response: Any) -> None:
    slots = find_outputs(response, IMAGES)

    assert slots
    assert all(slot.is_empty for slot in slots)
    assert any(slot.is_odd for slot in slots)


def test_an_answer_of_any_size_and_depth_is_looked_at_within_bounds() -> None:
    deep: Any = ONE
    for _ in range(500):
        deep = {"a": [deep]}

    assert urls(deep) in ([], [None])
    assert len(find_outputs([None] * 100_000, IMAGES)) < 1_000
    assert len(find_outputs({f"a{n}": n for n in range(100_000)}, IMAGES)) <= 1


# -- each for itself


@pytest.mark.parametrize(
    "missing", [None, "", {}, {"url": None}, {"b64_json": "", "url": None}, {"url": ""}], ids=str
)
def test_an_empty_slot_leaves_the_others(missing: Any) -> None:
    slots = find_outputs({"images": [{"url": ONE}, missing, {"url": TWO}]}, IMAGES)

    assert [(slot.index, slot.url) for slot in slots] == [(0, ONE), (1, None), (2, TWO)]
    assert not slots[1].is_odd


def test_two_slots_may_hold_the_same() -> None:
    slots = find_outputs({"data": [{"b64_json": INLINE}] * 3}, IMAGES)

    assert [slot.content for slot in slots] == [PICTURE] * 3


@pytest.mark.parametrize(
    "response",
    [
        {"result": {"images": [None, {"url": ONE}]}},
        {"output": {"data": [{"b64_json": ""}, {"url": ONE}]}, "seed": 7},
        {"data": {"result": {"files": ["", ONE]}}},
    ],
    ids=str,
)
def test_a_list_within_objects_is_a_row_of_slots_too(response: Any) -> None:
    slots = find_outputs(response, IMAGES)

    assert [(slot.index, slot.url) for slot in slots] == [(0, None), (1, ONE)]


@pytest.mark.parametrize(
    ("search", "other"),
    [
        (IMAGES, {"url": TWO, "content_type": "image/svg+xml"}),
        (IMAGES, {"url": "https://there.example/x", "content_type": "model/gltf-binary"}),
        (IMAGES, "https://there.example/model.glb"),
        (IMAGES, {"file": {"url": FILM}}),
        (VIDEOS, {"url": ONE}),
    ],
    ids=str,
)
def test_a_file_of_another_type_among_good_ones_is_refused(search: Search, other: Any) -> None:
    good = FILM if search is VIDEOS else ONE

    slots = find_outputs({"output": [other, good, {"caption": "a keeper"}]}, search)

    assert [slot.url for slot in slots] == [None, good, None]
    assert [(slot.is_refused, slot.is_odd) for slot in slots] == [
        (True, False),
        (False, False),
        (False, True),
    ]


# -- bytes inside


@pytest.mark.parametrize(
    "value",
    [
        INLINE,
        DATA,
        f"data:image/png;charset=utf-8;base64,{INLINE}",
        f"data:;base64,{INLINE}",
        f"DATA:application/octet-stream;BASE64,{INLINE}",
        "\r\n".join(INLINE[n : n + 64] for n in range(0, len(INLINE), 64)),
        INLINE.rstrip("="),
        base64.urlsafe_b64encode(PICTURE).decode(),
        base64.urlsafe_b64encode(PICTURE).decode().rstrip("="),
        f"  {INLINE}\n",
        f"data:image/png;base64,{quote(INLINE, safe='')}",
        f"data:image/png,{quote(PICTURE)}",
    ],
    ids=range(12),
)
@pytest.mark.parametrize("name", ["b64_json", "url", "data", "image"])
def test_base64_is_read_however_it_is_written(value: str, name: str) -> None:
    assert only({"data": [{name: value}]}).content == PICTURE
    assert only({"images": [value]}).content == PICTURE


def test_an_empty_text_of_bytes_leaves_the_address_beside_it() -> None:
    assert urls({"data": [{"b64_json": "", "url": ONE}]}) == [ONE]
    assert urls({"data": [{"b64_json": "*", "url": ONE}]}) == [ONE]


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "video/mp4"])
def test_bytes_of_another_type_count_only_where_nothing_else_came(kind: str) -> None:
    other = f"data:{kind};base64,{INLINE}"

    assert [slot.is_refused for slot in find_outputs({"images": [other, ONE]}, IMAGES)] == [
        True,
        False,
    ]
    assert only({"images": [other]}).content == PICTURE


def test_a_text_is_not_taken_for_bytes() -> None:
    response = {"caption": "alighthousekeeperwhokeepsalighthouse" * 9, "image": ONE}

    assert urls(response) == [ONE]


# -- what the provider says of them


@pytest.mark.parametrize(
    "value",
    [
        {"respect_moderation": False},
        {"nsfw": True},
        {"has_nsfw_concept": True},
        {"finish_reason": "CONTENT_FILTERED"},
        {"raiFilteredReason": "a person"},
        {"safety_ratings": [{"category": "X", "blocked": True}]},
        {"content_filter_results": {"sexual": {"filtered": True, "severity": "high"}}},
        {"error": {"code": "content_policy_violation", "message": "no"}},
        {"error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}},
        {"error": {"message": "It was rejected by our safety system."}},
        {"error": "NSFW content detected"},
        {"is_image_safe": False},
    ],
    ids=str,
)
def test_an_output_that_is_flagged_is_known_whether_it_is_there_or_not(
    value: dict[str, Any],
) -> None:
    slots = find_outputs({"data": [{"url": ONE}, {"url": TWO, **value}, value]}, IMAGES)

    assert [slot.flagged for slot in slots] == [False, True, True]
    assert slots[1].url == TWO


@pytest.mark.parametrize(
    "value",
    [
        {"respect_moderation": True},
        {"nsfw": False},
        {"finish_reason": "STOP"},
        {"safety_ratings": [{"category": "X", "blocked": False, "probability": "LOW"}]},
        {"content_filter_results": {"sexual": {"filtered": False}}},
        {"error": None},
        {"moderation_status": "nsfw_check_passed"},
        {"is_image_safe": True},
    ],
    ids=str,
)
def test_a_clean_verdict_is_not_a_flag(value: dict[str, Any]) -> None:
    assert not only({"images": [{"url": ONE, **value}]}).flagged


@pytest.mark.parametrize(
    ("value", "flagged"),
    [
        ({"has_nsfw_concepts": [False, True]}, [False, True]),
        ({"has_nsfw_concepts": [True]}, [True, False]),
        ({"has_nsfw_concepts": []}, [False, False]),
        ({"nsfw_content_detected": [True, True]}, [True, True]),
        ({"nsfw": True}, [True, True]),
        ({"nsfw": False}, [False, False]),
        ({"respect_moderation": False}, [True, True]),
        ({"respect_moderation": [True, False]}, [False, True]),
        ({"is_safe": True}, [False, False]),
        ({"safe": False}, [False, False]),
        ({"finish_reasons": ["SUCCESS"], "finish_reason": "SUCCESS"}, [False, False]),
        ({"finish_reason": ["stop", "content_filter"]}, [False, True]),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("around", "location"),
    [
        (lambda response: response, None),
        (lambda response: {"result": response}, None),
        (lambda response: {"result": response}, "result.images"),
        (lambda response: {"output": {"result": response}, "seed": 7}, None),
    ],
    ids=["alone", "in a result", "where its entry says", "deeper"],
)
def test_verdicts_beside_the_outputs_are_theirs_in_order(
    value: dict[str, Any], flagged: list[bool], around: Callable[[Any], Any], location: str | None
) -> None:
    response = around({"images": [{"url": ONE}, {"url": TWO}], **value})

    slots = find_outputs(response, Search(media="image", location=location))

    assert [slot.flagged for slot in slots] == flagged


@pytest.mark.parametrize(
    "response",
    [
        {"result": {"image": {"url": ONE}, "nsfw": True}},
        {"made": {"left": ONE, "has_nsfw_concepts": [True]}, "seed": 7},
        {"images": [None], "nsfw": True},
        {"images": None, "has_nsfw_concepts": [True]},
        {"result": {"images": [None], "respect_moderation": False}},
        {"image": ONE, "finish_reason": "CONTENT_FILTERED"},
        {"result": {"image": {"url": ONE}, "finishReason": "SAFETY"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("location", [None, "video"])
def test_a_moderation_verdict_applies_wherever_the_output_is_and_without_one(
    response: Any, location: str | None
) -> None:
    assert only(response, Search(media="image", location=location)).flagged


def test_a_verdict_about_one_file_is_not_about_its_neighbours() -> None:
    response = {"left": {"url": ONE, "nsfw": True}, "right": {"url": TWO, "nsfw": False}}

    assert [slot.flagged for slot in find_outputs(response, IMAGES)] == [True, False]
