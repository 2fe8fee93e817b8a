"""Completeness check: whether JSON text was truncated."""

import json

from services.storage.content import Body, opened
from services.storage.media.media_types import HEAD, type_of


def is_whole(output: Body) -> bool:
    """False when a text is surely truncated; pictures and films are checked by their decoders."""
    with opened(output) as stream:
        head = stream.read(HEAD)
        if type_of(head) != "application/json":
            return True
        return _ends(head + stream.read())


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
