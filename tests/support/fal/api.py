"""`/api`: the list of an account's requests."""

import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.fal.account_store import FalAccountStore
from tests.support.fal.accounts import FalRequest
from tests.support.fal.results import result_of


class Platform:
    """fal's API for accounts."""

    def __init__(self, account_store: FalAccountStore) -> None:
        self._account_store = account_store

    def routes(self) -> list[Route]:
        return [Route("/v1/models/requests/by-endpoint", self.requests)]

    async def requests(self, http: Request) -> Response:
        """Newest end first; what still waits in the queue is not shown."""
        account, query = self._account_store.account(http), http.query_params
        account.schedule(time.time())
        shown = [r for r in account.requests if _is_shown(r, query.get("endpoint_id"))]
        if start := query.get("start"):
            since = datetime.fromisoformat(start).timestamp()
            shown = [r for r in shown if r.accepted_at >= since]
        shown.sort(key=lambda r: r.ends_at, reverse=True)
        begin, limit = int(query.get("cursor", 0)), min(100, int(query.get("limit", 20)))
        page, more = shown[begin : begin + limit], len(shown) > begin + limit
        has_payloads = query.get("expand") == "payloads"
        return JSONResponse(
            {
                "items": [_item(request, has_payloads) for request in page],
                "has_more": more,
                "next_cursor": str(begin + limit) if more else None,
            }
        )


def _is_shown(request: FalRequest, endpoint: str | None) -> bool:
    is_known = request.plan.is_listed and request.stage(time.time()) != "IN_QUEUE"
    return is_known and request.endpoint == endpoint


def _item(request: FalRequest, has_payloads: bool) -> dict[str, Any]:
    is_over = request.stage(time.time()) == "COMPLETED"
    item: dict[str, Any] = {
        "request_id": request.id,
        "endpoint_id": request.endpoint,
        "sent_at": _text(request.accepted_at),
        "started_at": _text(request.starts_at),
        "ended_at": _text(request.ends_at) if is_over else None,
        "status_code": result_of(request, "").status if is_over else None,
    }
    if has_payloads:
        item["json_input"] = request.body if request.plan.keeps_payloads else None
    return item


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
