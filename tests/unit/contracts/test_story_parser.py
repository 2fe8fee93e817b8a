"""What a model wrote is read as the story that it is, in whatever way it is written down."""

import json
from typing import Any

import pytest

from heliograph.contracts.scenes import Story
from heliograph.contracts.story_parser import NoStory, is_story, read_story

SCENE = {
    "number": 1,
    "heading": "INT. TOWER",
    "action": "The keeper lights the lamp.",
    "shot_prompt": "a keeper lights a lamp",
    "duration_seconds": 5,
}
STORY: dict[str, Any] = {"title": "Dusk", "logline": "A light is kept.", "scenes": [SCENE]}
TEXT = json.dumps(STORY)


def without(name: str) -> str:
    return json.dumps({key: value for key, value in STORY.items() if key != name})


def with_scene(**fields: Any) -> str:
    return json.dumps({**STORY, "scenes": [{**SCENE, **fields}]})


WRAPPED = {
    "as it should be": TEXT,
    "a fence": f"```json\n{TEXT}\n```",
    "a fence without a language": f"```\n{TEXT}\n```\n",
    "a fence of tildes": f"~~~json\n{TEXT}\n~~~",
    "a fence that is not closed": f"```json\n{TEXT}",
    "a fence after a draft": f"First:\n```json\n{{}}\n```\nBetter:\n```json\n{TEXT}\n```",
    "a byte order mark": f"\ufeff{TEXT}",
    "a byte order mark in a fence": f"\ufeff```json\n\n{TEXT}\n```",
    "a sentence before it": f"Here is the story [as you asked]: {TEXT}",
    "a sentence after it": f"{TEXT}\n\nShall I go on?",
    "sentences around a fence": f"Of course!\n\n```json\n{TEXT}\n```\n\nShall I go on?",
    "commas at the ends of lists": TEXT.replace("}]", "},]").replace("5}", "5,}"),
    "a line break in a text": TEXT.replace("lights the", "lights\nthe"),
    "an object around it": json.dumps({"story": STORY}),
    "white space": f"\n\t {TEXT} \r\n",
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_story_is_found_in_what_stands_around_it(kind: str) -> None:
    story = Story.model_validate(read_story(WRAPPED[kind].encode()))

    assert (story.title, story.scenes[0].number) == ("Dusk", 1)
    assert story.scenes[0].shot_prompt == SCENE["shot_prompt"]


def test_a_story_in_utf_16_is_read() -> None:
    assert read_story(TEXT.encode("utf-16")) == STORY


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((5.0, 5), ("5", 5), ("5s", 5), ("5 seconds", 5), ("0:05", 5), ("1:30", 90), (4.6, 5)),
        *(("4,6 s", 5), ("about 5", 5), ("5-8", 5), ("5–8 s", 5), (None, 0), ("", 0)),
        *((True, 0), (-3, 0), (1e400, 0)),
    ],
)
def test_a_length_is_read_in_other_forms(written: Any, read: int) -> None:
    text = with_scene(duration_seconds=written).replace("Infinity", "1e400")

    assert read_story(text.encode())["scenes"][0]["duration_seconds"] == read


@pytest.mark.parametrize("written", [1.0, "1", "Scene 1", "#1", None, "one"])
def test_a_number_is_read_in_other_forms_or_counted(written: Any) -> None:
    assert read_story(with_scene(number=written).encode())["scenes"][0]["number"] == 1


@pytest.mark.parametrize("name", ["title", "logline"])
def test_a_story_may_do_without_a_field(name: str) -> None:
    assert Story.model_validate(read_story(without(name).encode())).scenes


@pytest.mark.parametrize("name", SCENE)
def test_a_scene_may_do_without_a_field(name: str) -> None:
    scene = {key: value for key, value in SCENE.items() if key != name}

    story = Story.model_validate(read_story(json.dumps({**STORY, "scenes": [scene]}).encode()))

    assert story.scenes[0].action
    assert story.scenes[0].shot_prompt


def test_scenes_alone_are_a_story() -> None:
    assert read_story(json.dumps([SCENE, SCENE]).encode())["scenes"][1]["number"] == 1
    assert read_story(b'{"scenes": ["a lamp", "the sea"]}')["scenes"][1]["shot_prompt"] == "the sea"


def test_other_fields_of_a_story_are_kept() -> None:
    story = read_story(json.dumps({**STORY, "mood": "calm"}).encode())

    assert story["mood"] == "calm"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"I cannot write that. Try a fictional keeper instead.",
        b'I cannot write that, see ["policy"] and [1].',
        b"{}",
        b"[]",
        b'{"title": "Dusk", "scenes": []}',
        b'{"title": "Dusk", "scenes": [{"number": 1}]}',
        TEXT[:-40].encode(),
        b"[" * 100_000,
        b'{"scenes": ' * 5_000,
        b"\x89PNG\r\n\x1a\n\0\0",
        b"\xff\xfe\x00",
    ],
)
def test_an_invalid_story_is_refused_with_a_reason(text: bytes) -> None:
    with pytest.raises(NoStory) as raised:
        read_story(text)

    assert str(raised.value)


def test_only_what_is_to_the_letter_needs_no_reading() -> None:
    assert is_story(TEXT.encode())
    assert not is_story(WRAPPED["a fence"].encode())
    assert not is_story(with_scene(number="1").encode())
