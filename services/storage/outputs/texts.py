"""Text outputs: stored before they are validated, as JSON where they are or contain it."""

import json

from heliograph.contracts.errors import OutputRefused
from heliograph.contracts.lenient_json import decoded, values_in
from heliograph.contracts.story_parser import NoStory, is_story, read_story
from services.storage.content import Body, whole

PLAIN, JSON = "text/plain", "application/json"

STORIES = "scenes"  #: the kind whose texts are stories


def check_text(output: Body, kind: str) -> tuple[str, Body]:
    """
    The media type of what a model wrote, and the text to store. A story in another form is normalized.

    Raises:
        OutputRefused: The output is not text.
    """
    data = whole(output)
    if kind == STORIES and is_story(data):
        return JSON, output
    text = decoded(data)
    if text is None or not text.strip():
        raise OutputRefused("the output is not text" if text is None else "the output is empty")
    try:
        value = read_story(data) if kind == STORIES else _json(text)
    except NoStory:
        return PLAIN, text.encode()
    if kind == STORIES or not _is_whole(text):
        return JSON, json.dumps(value, ensure_ascii=False, indent=2).encode()
    return JSON, output


def _json(text: str) -> object:
    for value in values_in(text):
        if isinstance(value, dict | list):
            return value
    raise NoStory("there is no JSON in it")


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
