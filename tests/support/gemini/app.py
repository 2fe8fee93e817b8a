"""The emulator: one endpoint, both of whose paths Google's client has used, and a control API for tests."""

import json
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.account_store import Account, AccountStore, Refusal, send_refusal
from tests.support.emulation.faults import Cutting, lose
from tests.support.emulation.images import inlined
from tests.support.emulation.responses import marked, written

_KEY = "API key not valid. Please pass a valid API key."


class Plan(BaseModel):
    """What happens to questions with a certain prompt; everything else goes well."""

    model_config = ConfigDict(extra="forbid")

    #: instead of accepting, one for each POST
    refusals: list[
        Literal["429", "429_plain", "429_poor", "400", "400_key", "403", "404", "500", "503"]
    ] = Field(default_factory=list)
    #: after accepting, instead of the response
    loss: Literal["drop", "hang", "nginx_502", "500", "garbage", "gzip"] | None = None
    parts: list[dict[str, Any]] | None = None  #: of the response, as `responses.written` has them
    response_body: Any = None  #: the whole body
    mark: bool = False  #: whether it begins with a byte order mark
    finish: str = "STOP"  #: why the model ended it
    outcome: Literal[
        "ok",
        "blocked",
        "stopped",
        "cut_off",
        "empty",
        "silent",
        "fenced",
        "strange",
        "wrong_type",
    ] = "ok"


def _error(code: int, status: str, message: str, *details: Any) -> tuple[int, dict[str, Any]]:
    error = {"code": code, "message": message, "status": status}
    return code, {"error": error | ({"details": list(details)} if details else {})}


_RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}
_REFUSALS = {
    "429": _error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", _RETRY),
    "429_plain": _error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
    "429_poor": _error(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
    "400": _error(400, "INVALID_ARGUMENT", "Invalid value at 'generation_config'"),
    "400_key": _error(400, "INVALID_ARGUMENT", _KEY),
    "403": _error(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
    "404": _error(404, "NOT_FOUND", "models/x is not found for API version v1"),
    "500": _error(500, "INTERNAL", "An internal error has occurred."),
    "503": _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}


def create_app() -> ASGIApp:
    """A Gemini that nobody used yet."""
    account_store = AccountStore(
        partial(Account, Plan), _key_of, _error(400, "INVALID_ARGUMENT", _KEY)
    )
    ask = Questions(account_store).ask
    app = Starlette(
        routes=[
            *(
                Route(f"/{version}/models/{{model}}:generateContent", ask, methods=["POST"])
                for version in ("v1", "v1beta")
            ),
            Mount("/emulator", routes=account_store.routes()),
        ],
        exception_handlers={Refusal: send_refusal},
    )
    return Cutting(app)


class Questions:
    """What is asked, and answered."""

    def __init__(self, account_store: AccountStore[Account[Plan]]) -> None:
        self._account_store = account_store

    async def ask(self, http: Request) -> Response:
        account, body = self._account_store.account(http), await http.json()
        prompt = body["contents"][0]["parts"][0]["text"].split("\n")[0]
        plan = account.plan_for(prompt)
        account.posts += 1
        if plan.refusals:
            status, error = _REFUSALS[plan.refusals.pop(0)]
            return JSONResponse(error, status)
        account.accepted.append({"prompt": prompt, "body": body, "path": http.url.path})
        if plan.loss:
            return await lose(http, plan.loss, {})
        content = (
            plan.response_body if plan.response_body is not None else _response_body(body, plan)
        )
        return marked(JSONResponse(content)) if plan.mark else JSONResponse(content)


def _response_body(body: dict[str, Any], plan: Plan) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "responseId": uuid4().hex,
        "modelVersion": "emulated",
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12},
    }
    if plan.parts is not None:
        return reply | _candidate(written(plan.parts, "https://none.example/files"), plan.finish)
    match plan.outcome:
        case "blocked":
            return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "r"}
        case "silent":
            return reply
        case "stopped":
            return reply | _candidate([], "IMAGE_SAFETY")
        case "empty":
            return reply | _candidate([], "NO_IMAGE")
        case "cut_off":
            return reply | _candidate([{"text": '{"title": "The li'}], "MAX_TOKENS")
        case "fenced":
            text = f"Here it is:\n```json\n{json.dumps(_story(2))}\n```"
            return reply | _candidate([{"text": text}], "STOP")
        case "strange":
            return reply | _candidate([{"text": '{"pictures": "none"}'}], "STOP")
    return reply | _candidate(_parts(body, plan), "STOP")


def _parts(body: dict[str, Any], plan: Plan) -> list[dict[str, Any]]:
    config = body.get("generationConfig", {})
    if config.get("responseMimeType") == "application/json":
        assert config["responseSchema"]["required"]
        count = int(body["contents"][0]["parts"][0]["text"].rsplit("Write ", 1)[1].split()[0])
        return [{"text": json.dumps(_story(count))}]
    assert config["responseModalities"] == ["IMAGE"]
    data = inlined(uuid4().hex, plan.outcome)
    return [{"text": "Here it is:"}, {"inlineData": {"mimeType": "image/png", "data": data}}]


def _story(count: int) -> dict[str, Any]:
    scenes = [
        {
            "number": number,
            "heading": "EXT. CLIFF - NIGHT",
            "action": "The lamp is lit.",
            "shot_prompt": "a lighthouse at night",
            "duration_seconds": 5,
        }
        for number in range(1, count + 1)
    ]
    return {"title": "The lamp", "logline": "A keeper keeps it.", "scenes": scenes}


def _candidate(parts: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    content = {"content": {"role": "model", "parts": parts}} if parts else {}
    return {"candidates": [{**content, "finishReason": reason, "index": 0}]}


def _key_of(http: Request) -> str | None:
    return http.headers.get("x-goog-api-key")
