"""The emulator: the endpoint for images, files that are given by address, and a control API for tests."""

import asyncio
import time
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.account_store import (
    Account,
    AccountStore,
    Refusal,
    bearer,
    send_refusal,
)
from tests.support.emulation.faults import Cutting, lose
from tests.support.emulation.files import picture
from tests.support.emulation.images import inlined
from tests.support.emulation.responses import marked, written


class Plan(BaseModel):
    """What happens to requests with a certain prompt; everything else goes well."""

    model_config = ConfigDict(extra="forbid")

    #: instead of accepting, one for each POST
    refusals: list[Literal["429", "429_poor", "400", "400_poor", "401", "403", "404"]] = Field(
        default_factory=list
    )
    seconds: float = 0.0  #: of work, before the response
    #: after accepting, instead of the response
    loss: Literal["drop", "hang", "nginx_502", "500", "garbage", "gzip"] | None = None
    #: instead of accepting, for each POST: `status`, `headers` and `body`, as other servers have them
    refusal: dict[str, Any] | None = None
    mark: bool = False  #: whether the response begins with a byte order mark
    response_body: Any = None  #: the whole body, as `responses.written` has it
    outcome: Literal["ok", "addresses", "policy", "empty", "strange", "broken", "wrong_type"] = "ok"


def _error(status: int, code: str | None, message: str, param: str | None = None) -> Any:
    kind = "invalid_request_error"
    return status, {"error": {"message": message, "type": kind, "param": param, "code": code}}


_NOBODY = _error(401, "invalid_api_key", "Incorrect API key provided.")
_REFUSALS = {
    "429": _error(429, "rate_limit_exceeded", "Rate limit reached for gpt-image-2"),
    "429_poor": _error(429, "insufficient_quota", "You exceeded your current quota."),
    "400": _error(400, "invalid_value", "Invalid value: 'huge'.", "quality"),
    "400_poor": _error(400, "billing_hard_limit_reached", "Billing hard limit has been reached"),
    "401": _NOBODY,
    "403": _error(403, None, "Your organization must be verified to use the model."),
    "404": _error(404, "model_not_found", "The model does not exist."),
}


def create_app() -> ASGIApp:
    """An OpenAI that nobody used yet. Without a key one is `nobody`, as on servers of one's own."""
    account_store = AccountStore(
        partial(Account, Plan), lambda http: bearer(http) or "nobody", _NOBODY
    )
    app = Starlette(
        routes=[
            Route("/v1/images/generations", Images(account_store).generate, methods=["POST"]),
            Route("/files/{name}", file),
            Mount("/emulator", routes=account_store.routes()),
        ],
        exception_handlers={Refusal: send_refusal},
    )
    return Cutting(app)


async def file(http: Request) -> Response:
    """An image that was given by address."""
    return Response(picture(http.path_params["name"]), media_type="image/png")


class Images:
    """What is asked for, and made."""

    def __init__(self, account_store: AccountStore[Account[Plan]]) -> None:
        self._account_store = account_store

    async def generate(self, http: Request) -> Response:
        account, body = self._account_store.account(http), await http.json()
        plan = account.plan_for(body["prompt"])
        account.posts += 1
        if plan.refusals:
            status, error = _REFUSALS[plan.refusals.pop(0)]
            headers = {"Retry-After": "7"} if status == 429 else {}
            return JSONResponse(error, status, headers)
        if plan.refusal:
            refusal = plan.refusal
            return JSONResponse(refusal["body"], refusal["status"], refusal.get("headers"))
        accepted = _accepted(body, plan)
        account.accepted.append(accepted)
        is_awaited = await _is_awaited(http, plan.seconds)
        end = ("lost" if plan.loss else "answered") if is_awaited else "abandoned"
        accepted |= {"ended_at": time.time(), "end": end}
        if plan.loss:
            return await lose(http, plan.loss, {})
        if plan.outcome == "policy":
            status, error = _error(400, "moderation_blocked", "Rejected by the safety system.")
            return JSONResponse(error, status)
        if plan.response_body is not None:
            files = f"{http.url.scheme}://{http.url.netloc}/files"
            return JSONResponse(written(plan.response_body, files))
        images = _images(http, body, plan)
        usage = {"input_tokens": 9, "output_tokens": 1756, "total_tokens": 1765}
        reply = JSONResponse({"created": int(time.time()), "data": images, "usage": usage})
        return marked(reply) if plan.mark else reply


def _accepted(body: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """What the control API reports of a request: when it came, and what became of its response."""
    at = time.time()
    return {
        "prompt": body["prompt"],
        "body": body,
        "at": at,
        "due_at": at + plan.seconds,
        "ended_at": None,
        "end": None,
    }


async def _is_awaited(http: Request, seconds: float) -> bool:
    """Work for so long, or until the client leaves. Whether it is still there."""
    if not seconds:
        return True
    leaving = asyncio.create_task(_client_left(http))
    await asyncio.wait([leaving], timeout=seconds)
    return leaving.cancel()  # it has not ended


async def _client_left(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _images(http: Request, body: dict[str, Any], plan: Plan) -> list[dict[str, str]] | str:
    count = range(int(body.get("n", 1)))
    match plan.outcome:
        case "empty":
            return []
        case "strange":
            return "none"
        case "broken":
            return [{"b64_json": "*"} for _ in count]
        case "addresses":
            here = f"{http.url.scheme}://{http.url.netloc}/files"
            return [{"url": f"{here}/{uuid4().hex}.png"} for _ in count]
    return [{"b64_json": inlined(uuid4().hex, plan.outcome)} for _ in count]
