"""
Stories as models write them: numbers in other forms, fields that are missing, a list without a title.

A story needs at least one scene with a description that can be drawn.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from heliograph.contracts.lenient_json import decoded, values_in
from heliograph.contracts.scenes import Story

_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?!\d)")
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_MAX = 10**6  #: of a scene, in seconds, and of a number


class NoStory(ValueError):
    """The text contains no story; the message names the missing part."""


def read_story(data: bytes) -> dict[str, Any]:
    """
    The story in a text, as JSON that a `Story` can be read from, with whatever else the model said in it.

    Raises:
        NoStory: The text contains no story.
    """
    text = decoded(data)
    reason = "it is not text" if text is None else "there is no JSON in it"
    for value in values_in(text or ""):
        try:
            return _story(value)
        except NoStory as error:
            reason = str(error)
        except RecursionError:
            reason = "it is too deep"
    raise NoStory(reason)


def is_story(data: bytes) -> bool:
    """Whether a text is a story to the letter."""
    try:
        Story.model_validate_json(data, strict=True)
    except ValueError:
        return False
    return True


def _story(value: Any) -> dict[str, Any]:
    match value:
        case {"scenes": list() | dict() as scenes}:
            story = value
        case list() as scenes if all(isinstance(each, dict) for each in scenes):
            story = {}
        case dict() if len(value) == 1:
            return _story(next(iter(value.values())))  # as {"story": {…}}
        case _:
            raise NoStory("it has no scenes")
    every = list(scenes.values()) if isinstance(scenes, dict) else scenes
    if not every:
        raise NoStory("it has no scenes")
    parsed = [_scene(index, each) for index, each in enumerate(every, start=1)]
    title, logline = _text(story.get("title")), _text(story.get("logline"))
    return {**story, "title": title, "logline": logline, "scenes": parsed}


def _scene(index: int, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"shot_prompt": value}
    if not isinstance(value, dict):
        raise NoStory(f"scene {index} is not an object")
    action, shot = _text(value.get("action")), _text(value.get("shot_prompt"))
    if not (action or shot):
        raise NoStory(f"scene {index} says neither what happens nor what is to be seen")
    number = _whole(value.get("number"))
    return {
        **value,
        "number": index if number is None else number,
        "heading": _text(value.get("heading")),
        "action": action or shot,
        "shot_prompt": shot or action,
        "duration_seconds": _whole(value.get("duration_seconds")) or 0,
    }


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case list():
            return "\n".join(filter(None, map(_text, value)))
        case int() | float() if not isinstance(value, bool):
            return str(value)
    return ""


def _whole(value: Any) -> int | None:
    """A number in whatever form: 5, 5.0, "5", "5 s", "0:05", "scene 5"."""
    return next((n for n in _numbers(value) if 0 <= n <= _MAX), None)


def _numbers(value: Any) -> Iterator[int]:
    match value:
        case bool():
            return
        case int():
            yield value
        case float() if math.isfinite(value):
            yield math.floor(value + 0.5)
        case str():
            if clock := _CLOCK.search(value):
                yield int(clock[1]) * 60 + int(clock[2])
            elif number := _NUMBER.search(value):
                yield math.floor(float(number[0].replace(",", ".")) + 0.5)
