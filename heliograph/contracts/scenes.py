"""
Scenes: what a text model makes of a prompt, how people read it, and the shots that it asks for.

The asset of a `scenes` job is a `Story` as JSON; its variant `markdown` is the same for people.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

#: marks inside a line, and what some renderers make links, mentions or formulas of
_MARKS = re.compile(
    r"[\\`*_\[\]~|#$@]|(?<=http):(?=//)|(?<=https):(?=//)|(?<=ftp):(?=//)|(?<=www)\."
)
#: marks that begin a block: a list, a rule, the underline of a heading
_FIRST = re.compile(r"^(\d*)([-+=.)])")


class Scene(BaseModel):
    """One scene, numbered from 1."""

    model_config = ConfigDict(extra="ignore")

    number: int
    heading: str
    action: str
    shot_prompt: str
    duration_seconds: int


class Story(BaseModel):
    """A story: the output of a text model."""

    model_config = ConfigDict(extra="ignore")

    title: str
    logline: str
    scenes: list[Scene] = Field(min_length=1)


def as_markdown(story: Story) -> str:
    """The story as a page."""
    return "\n\n".join(_paragraphs(story)) + "\n"


def _paragraphs(story: Story) -> Iterator[str]:
    yield f"# {_on_one_line(story.title)}"
    if story.logline.strip():
        yield f"*{_on_one_line(story.logline)}*"
    for scene in story.scenes:
        yield f"## {scene.number}. {_on_one_line(scene.heading)}"
        yield "\n".join(map(_on_one_line, scene.action.strip().splitlines()))
        yield f"> {_on_one_line(scene.shot_prompt)}"
        yield f"{scene.duration_seconds} seconds"


def _on_one_line(text: str) -> str:
    """
    The words of a model as words: neither HTML nor Markdown in them means anything.

    HTML is written as entities, as not every Markdown renderer supports a backslash escape.
    """
    words = html.escape(" ".join(text.split()), quote=False)
    return _FIRST.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", words))


def shots_of(story: Story, *, slots: str = "shot", **fields: Any) -> list[dict[str, Any]]:
    """
    Requests for the picture of each scene, in order, as a batch takes them.

    Scene number n is for the slot `<slots>/<n>`. `fields` are of every request, as `tags`.
    """
    return [
        {
            "kind": "shot",
            **fields,
            "prompt": scene.shot_prompt,
            "slot": f"{slots}/{number}",
        }
        for number, scene in enumerate(story.scenes, start=1)
    ]
