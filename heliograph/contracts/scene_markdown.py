"""Stories as Markdown: the text of a model, escaped so that a renderer finds no markup in it. Pure."""

import html
import re
from collections.abc import Iterator

from heliograph.contracts.scenes import Story

#: marks inside a line, and what some renderers make links, mentions or formulas of. Each alternative
#: begins with a character: a lookbehind in its place would be tried at every letter of the text
_MARKS = re.compile(r"[\\`*_\[\]~|#$@]|:(?=//)(?:(?<=http:)|(?<=https:)|(?<=ftp:))|\.(?<=www\.)")
#: marks that begin a block: a list, a rule, the underline of a heading
_FIRST = re.compile(r"^(\d*)([-+=.)])")


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
    The text of a model on one line, with its HTML and Markdown escaped.

    HTML is written as entities, as not every Markdown renderer supports a backslash escape.
    """
    words = html.escape(" ".join(text.split()), quote=False)
    return _FIRST.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", words))
