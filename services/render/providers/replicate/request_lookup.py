"""
Request lookup in Replicate's list of predictions: finds one whose reply was lost.

It says what a prediction was about for an hour. Nothing promises that a new one is in it at once:
being in it proves something, and being absent proves nothing.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.render.providers.candidates import is_candidate, sent_since
from services.render.providers.http import ProviderHttp
from services.render.providers.http_errors import ResponseLost
from services.render.providers.response_content import json_or_none
from services.render.providers.submissions import Submission

_PAGES = 10  #: of a hundred


async def find_predictions(
    http: ProviderHttp, submission: Submission, arguments: dict[str, Any]
) -> list[str]:
    """
    The ids of the predictions that a submission can have made.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: Replicate does not show the list.
    """
    return [
        each["id"]
        async for each in _predictions(http, submission)
        if isinstance(each.get("id"), str)
        and is_candidate(submission, arguments, each.get("input"), each.get("created_at"))
    ]


async def _predictions(http: ProviderHttp, submission: Submission) -> AsyncIterator[dict[str, Any]]:
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
        query["cursor"] = cursor  # on our own base: an address from an answer gets no token


def _is_of(prediction: dict[str, Any], endpoint: str) -> bool:
    name, _, version = endpoint.partition(":")
    return prediction.get("version") == version if version else prediction.get("model") == name


def _cursor_in(address: object) -> str | None:
    try:
        found = parse_qs(urlsplit(str(address or "")).query).get("cursor")
    except ValueError:
        return None
    return found[0] if found else None
