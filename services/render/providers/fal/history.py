"""
fal's list of our requests: the only place where one is found whose answer was lost.

It shows what a request was about if the account keeps payloads, and what waits in the queue later
or not at all. So being in it proves something, and being absent proves nothing.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from services.render.providers import Submission
from services.render.providers.fal.client import FalClient
from services.render.providers.fal.transport import API_URL
from services.render.providers.wire import NoAnswer, parsed

_LIST = f"{API_URL}/v1/models/requests/by-endpoint"
_SKEW = timedelta(seconds=60)  #: by which fal's clock may be off ours
_PAGE, _PAGES = 100, 10


async def find_request(
    client: FalClient, submission: Submission, body: dict[str, Any]
) -> str | None:
    """
    The id of the request that was made by a submission; None when it is not to be seen.

    Raises:
        NotSent, NoAnswer, Refused: fal does not show the list.
    """
    if "seed" not in body:
        return None  # nothing tells it from another with the same prompt
    alike = [item async for item in _items(client, submission) if _is_alike(item, body)]
    if not alike:
        return None
    sent = submission.at or datetime.now(UTC)
    return str(min(alike, key=lambda item: abs(_time(item["sent_at"]) - sent))["request_id"])


async def _items(client: FalClient, submission: Submission) -> AsyncIterator[dict[str, Any]]:
    query = {"endpoint_id": submission.endpoint, "limit": _PAGE, "expand": "payloads"}
    if submission.at:
        query["start"] = (submission.at - _SKEW).isoformat()
    for _ in range(_PAGES):
        page = parsed(await client.fetch(_LIST, **query))
        if not isinstance(page, dict) or not isinstance(page.get("items"), list):
            raise NoAnswer("the list of requests is none")
        for item in page["items"]:
            yield item
        if not page.get("has_more") or not page.get("next_cursor"):
            return
        query["cursor"] = page["next_cursor"]


def _is_alike(item: dict[str, Any], body: dict[str, Any]) -> bool:
    """The seed is ours or the caller's; with the prompt it is as near as one can come."""
    sent = item.get("json_input")
    return isinstance(sent, dict) and all(sent.get(name) == body.get(name) for name in _TELLING)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_TELLING = ("prompt", "seed")
