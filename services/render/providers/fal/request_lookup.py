"""
Request lookup in fal's list of requests: finds one whose reply was lost.

The list shows the input of a request only if the account keeps payloads, and shows queued requests late or
never. So presence in the list proves something, and absence proves nothing.
"""

from collections.abc import AsyncIterator
from typing import Any

from services.render.providers.candidates import is_candidate, sent_since
from services.render.providers.fal.client import FalClient
from services.render.providers.fal.transport import API_URL
from services.render.providers.http_errors import ResponseLost
from services.render.providers.response_content import json_or_none
from services.render.providers.submissions import Submission

_LIST = f"{API_URL}/v1/models/requests/by-endpoint"
_PAGE, _PAGES = 100, 10


async def find_requests(
    client: FalClient, submission: Submission, body: dict[str, Any]
) -> list[str]:
    """
    The ids of the requests that a submission can have made.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: fal does not show the list.
    """
    return [
        item["request_id"]
        async for item in _items(client, submission)
        if isinstance(item, dict)
        and isinstance(item.get("request_id"), str)
        and is_candidate(submission, body, item.get("json_input"), item.get("sent_at"))
    ]


async def _items(client: FalClient, submission: Submission) -> AsyncIterator[Any]:
    query = {"endpoint_id": submission.endpoint, "limit": _PAGE, "expand": "payloads"}
    query["start"] = sent_since(submission).isoformat()
    for _ in range(_PAGES):
        page = json_or_none(await client.fetch(_LIST, **query))
        if not isinstance(page, dict) or not isinstance(page.get("items"), list):
            raise ResponseLost("fal returned no valid list of requests")
        for item in page["items"]:
            yield item
        if not page.get("has_more") or not page.get("next_cursor"):
            return
        query["cursor"] = page["next_cursor"]
