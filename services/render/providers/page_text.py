"""Text of a response that is not JSON, such as an HTML page of a proxy. Pure."""

import json
import re
from typing import Any

_MARKUP = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_MAX_PAGE = 20_000  #: characters of a page that are read


def json_or_text(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _words_of(content)


def _words_of(content: bytes) -> str:
    """The text of a response that is not JSON; of a page, its title or its visible text."""
    text = content.decode("utf-8", "replace")[:_MAX_PAGE].strip()
    if not text.startswith("<"):
        return "" if "\0" in text else text
    title = _TITLE.search(text)
    shown = title[1] if title and title[1].strip() else _MARKUP.sub(" ", text)
    return " ".join(shown.split())
