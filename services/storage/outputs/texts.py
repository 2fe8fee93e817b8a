"""Text outputs: stored before they are validated, as JSON where they are or contain it."""

import json
from pathlib import Path

from heliograph.contracts.errors import OutputRefused, ProviderProtocol
from heliograph.contracts.lenient_json import decoded, values_in
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Asset, Record
from heliograph.contracts.story_parser import NoStory, is_story, read_story

PLAIN, JSON = "text/plain", "application/json"

_STORIES = "scenes"  #: the kind whose texts are stories
_CHANGE = NextAction(kind="change_request", label="Change the prompt")


def check_text(source: Path, kind: str) -> str:
    """
    The media type of what a model wrote. A story that is written in another way is put in order.

    Raises:
        OutputRefused: It is no text at all.
    """
    data = source.read_bytes()
    if kind == _STORIES and is_story(data):
        return JSON
    text = decoded(data)
    if text is None or not text.strip():
        raise OutputRefused("the output is not text" if text is None else "the output is empty")
    try:
        value = read_story(data) if kind == _STORIES else _json(text)
    except NoStory:
        source.write_text(text, encoding="utf-8")
        return PLAIN
    if kind == _STORIES or not _is_whole(text):
        source.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")
    return JSON


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


def problem_in_texts(record: Record, assets: list[Asset]) -> ProviderProtocol | None:
    """What is wrong with the texts of a job that are stored; None when nothing is."""
    unread = [asset.id for asset in assets if asset.media_type == PLAIN]
    if not unread:
        return None
    expected = "story" if record.kind == _STORIES else "JSON"
    detail = f"the model wrote no {expected}; what it wrote is kept as {', '.join(unread)}"
    return ProviderProtocol(detail, charged=record.charged, next_actions=[_CHANGE])
