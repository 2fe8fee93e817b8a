"""Completeness check: whether JSON text was truncated."""

import json

from services.storage.content import Body, opened, whole
from services.storage.media.media_types import HEAD, type_of


def begins_as_json(output: Body) -> bool:
    """Whether an output has to be read to know that it is whole. A short look, for the event loop."""
    with opened(output) as stream:
        return type_of(stream.read(HEAD)) == "application/json"


def is_whole(output: Body) -> bool:
    """False when a text is surely truncated; pictures and films are checked by their decoders."""
    return not begins_as_json(output) or _ends(whole(output))


def _ends(body: bytes) -> bool:
    """False when a reader runs out of text; other errors are found by its reader."""
    text = body.decode("utf-8", "replace").rstrip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos < len(text) and not error.msg.startswith("Unterminated")
    except RecursionError:
        pass
    return True
