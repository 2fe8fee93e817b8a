"""
Replicate's list of our predictions: the only place where one is found whose answer was lost.

It says what a prediction was about for an hour. Nothing promises that a new one is in it at once:
being in it proves something, and being absent proves nothing.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.render.providers import Submission
from services.render.providers.wire import Line, NoAnswer, parsed

_SKEW = timedelta(seconds=60)  #: by which Replicate's clock may be off ours
_PAGES = 10  #: of a hundred


async def find_prediction(line: Line, submission: Submission, said: dict[str, Any]) -> str | None:
    """
    The id of the prediction that was made by a submission; None when it is not to be seen.

    A model that takes no seed is never found: its prediction looks like that of every other job
    with the same prompt.

    Raises:
        NotSent, NoAnswer, Refused: Replicate does not show the list.
    """
    if "seed" not in said:
        return None
    alike = [each async for each in _predictions(line, submission) if _is_alike(each, said)]
    if not alike:
        return None
    sent = submission.at or datetime.now(UTC)
    return str(min(alike, key=lambda each: abs(_time(each) - sent))["id"])


async def _predictions(line: Line, submission: Submission) -> AsyncIterator[dict[str, Any]]:
    """Those of the same model, newest first, back to when the submission may have been sent."""
    query: dict[str, str] = {}
    if submission.at:
        query["created_after"] = (submission.at - _SKEW).isoformat()
    for _ in range(_PAGES):
        page = parsed(await line.send("GET", "/v1/predictions", params=query))
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise NoAnswer("the list of predictions is none")
        for each in page["results"]:
            if isinstance(each, dict) and _is_of(each, submission.endpoint):
                yield each
        cursor = parse_qs(urlsplit(page.get("next") or "").query).get("cursor")
        if not cursor:
            return
        query["cursor"] = cursor[0]  # on our own base: an address from an answer gets no token


def _is_of(prediction: dict[str, Any], endpoint: str) -> bool:
    name, _, version = endpoint.partition(":")
    return prediction.get("version") == version if version else prediction.get("model") == name


def _is_alike(prediction: dict[str, Any], said: dict[str, Any]) -> bool:
    """The seed is ours or the caller's; with the prompt it is as near as one can come."""
    sent = prediction.get("input")
    if not isinstance(sent, dict) or not isinstance(prediction.get("id"), str):
        return False
    return all(sent.get(name) == said.get(name) for name in ("prompt", "seed"))


def _time(prediction: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(prediction["created_at"])
    except (KeyError, TypeError, ValueError) as error:
        raise NoAnswer("a prediction without a time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
