"""Replicate's list of predictions, page by page, newest first."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.render.providers.candidates import sent_since
from services.render.providers.http import ProviderHttp
from services.render.providers.http_errors import ResponseLost
from services.render.providers.response_content import json_or_none
from services.render.providers.submissions import Submission

_PAGES = 10  #: of a hundred


async def listed_predictions(
    http: ProviderHttp, submission: Submission
) -> AsyncIterator[dict[str, Any]]:
    """Predictions of the same model, newest first, back to when the submission may have been sent."""
    query = {"created_after": sent_since(submission).isoformat()}
    for _ in range(_PAGES):
        page = json_or_none(await http.send("GET", "/v1/predictions", params=query))
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise ResponseLost("Replicate returned no valid list of predictions")
        for each in page["results"]:
            if isinstance(each, dict) and _is_of(each, submission.endpoint):
                yield each
        cursor = _cursor_in(page.get("next"))
        if cursor is None:
            return
        query["cursor"] = cursor  # on our own base: an address from a response gets no token


def _is_of(prediction: dict[str, Any], endpoint: str) -> bool:
    name, _, version = endpoint.partition(":")
    return prediction.get("version") == version if version else prediction.get("model") == name


def _cursor_in(address: object) -> str | None:
    try:
        cursors = parse_qs(urlsplit(str(address or "")).query).get("cursor")
    except ValueError:
        return None
    return cursors[0] if cursors else None
