"""Renders stories as Markdown. Returns nothing for text that is not a valid Story."""

from pydantic import ValidationError

from heliograph.contracts.scene_markdown import as_markdown
from heliograph.contracts.scenes import Story
from services.storage.content import Body, whole
from services.storage.media.images import ImageVariant


def render_markdown(text: Body) -> dict[str, ImageVariant]:
    """
    Readable forms of a JSON text.

    A text that is not a story has no readable form; it was paid for, and is stored unchanged.
    """
    try:
        story = Story.model_validate_json(whole(text))
    except ValidationError:
        return {}
    page = as_markdown(story).encode()
    return {"markdown": ImageVariant(page, None, None, "text/markdown")}
