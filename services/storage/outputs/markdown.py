"""Renders stories as Markdown. Returns nothing for text that is not a valid Story."""

from pathlib import Path

from pydantic import ValidationError

from heliograph.contracts.scenes import Story, as_markdown
from services.storage.media.images import ImageVariant


def render_markdown(source: Path, folder: Path) -> dict[str, ImageVariant]:
    """
    Readable forms of a JSON text, in files of ours.

    There are none of what is no story: it was paid for, and is kept as it is.
    """
    try:
        story = Story.model_validate_json(source.read_bytes())
    except ValidationError:
        return {}
    page = folder / "readable.md"
    page.write_text(as_markdown(story), encoding="utf-8")
    return {"markdown": ImageVariant(page, None, None, "text/markdown")}
