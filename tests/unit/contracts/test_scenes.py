"""A story is a page for people, and a batch of shots for whoever draws it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.scene_markdown import as_markdown
from heliograph.contracts.scenes import Scene, Story, shots_of

STORY = Story(
    title="The\nKeeper",
    logline="A light, seen from afar.",
    scenes=[
        Scene(
            number=number,
            heading=f"EXT. PIER – {light}",
            action="Nothing moves.",
            shot_prompt=f"a keeper at {light.lower()}",
            duration_seconds=4,
        )
        for number, light in ((1, "DUSK"), (1, "NIGHT"))
    ],
)


def test_a_story_is_read_as_a_page() -> None:
    assert as_markdown(STORY) == (
        "# The Keeper\n\n"
        "*A light, seen from afar.*\n\n"
        "## 1. EXT. PIER – DUSK\n\nNothing moves.\n\n> a keeper at dusk\n\n4 seconds\n\n"
        "## 1. EXT. PIER – NIGHT\n\nNothing moves.\n\n> a keeper at night\n\n4 seconds\n"
    )


def test_each_scene_is_a_shot_in_a_slot_of_its_own_whatever_its_number() -> None:
    shots = shots_of(STORY, slots="storm/shot", tags={"show": "s1"}, parameters={"seed": 7})

    assert shots == [
        {
            "kind": "shot",
            "prompt": f"a keeper at {light}",
            "slot": f"storm/shot/{number}",
            "tags": {"show": "s1"},
            "parameters": {"seed": 7},
        }
        for number, light in ((1, "dusk"), (2, "night"))
    ]
    assert len(BatchRequest.model_validate({"jobs": shots}).jobs) == 2


HARMLESS = {"heading", "paragraph", "blockquote", "inline", "text", "em", "softbreak"}


def _blocks(page: str) -> list[tuple[str, str]]:
    """What a reader of Markdown sees: the kind of each block, and its text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    blocks = []
    for token in reader.parse(page):
        kinds = {each.type for each in (token, *(token.children or []))}
        assert {kind.removesuffix("_open").removesuffix("_close") for kind in kinds} <= HARMLESS
        if token.type == "inline":
            text = "".join(each.content or " " * (each.type == "softbreak")
                           for each in token.children or [])  # fmt: skip
            blocks.append((token.type, text))
    return blocks


def _page_of(text: str) -> Story:
    scene = Scene(number=1, heading=text, action=text, shot_prompt=text, duration_seconds=1)
    return Story(title=text, logline=text, scenes=[scene])


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "![track](https://evil.example/pixel.png)",
        "*bold* _under_ ~~gone~~ `code`",
        "# heading",
        "- item",
        "1. item",
        "2) item",
        "> quote",
        "--- ",
        "===",
        "a | b\n--|--\n1 | 2",
        "&lt;b&gt; &copy; \\*",
        "    code",
        "[a]: https://evil.example",
        "```\ncode\n```",
    ],
)
def test_words_of_a_model_mean_nothing_on_the_page(text: str) -> None:
    words = " ".join(text.split())

    texts = [" ".join(shown.split()) for _, shown in _blocks(as_markdown(_page_of(text)))]

    assert texts == [words, words, f"1. {words}", words, words, "1 seconds"]


@settings(deadline=None)
@given(st.text(st.sampled_from("ab1 \n\t#*_-+=>|~`.)(<&!:/[]\\$@'\"")).filter(str.strip))
def test_no_words_do(text: str) -> None:
    """What happens in a scene may have several paragraphs."""
    words = " ".join(text.split())

    page = " ".join(shown for _, shown in _blocks(as_markdown(_page_of(text))))

    assert page.split() == f"{words} {words} 1. {words} {words} {words} 1 seconds".split()


@pytest.mark.parametrize("text", ["see https://evil.example/x", "www.evil.example", "@everyone"])
def test_a_renderer_that_makes_links_of_addresses_finds_none(text: str) -> None:
    page = as_markdown(_page_of(text))

    assert not re.search(r"https?:/|www\.|(?<!\\)@", page)
