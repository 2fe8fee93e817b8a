"""The emulator, wired: the API, what models made, and a control API for tests."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tests.support.emulation.account_store import (
    Account,
    AccountStore,
    Refusal,
    bearer,
    send_refusal,
)
from tests.support.emulation.faults import Cutting, lose, trouble
from tests.support.emulation.files import picture
from tests.support.emulation.forms import parts_of
from tests.support.replicate.plans import Plan
from tests.support.replicate.predictions import Prediction

_FLAKY = 3  #: downloads that fail before one does not
_PAGE = 100
_NOBODY = {
    "title": "Unauthenticated",
    "detail": "You did not pass a valid authentication token",
    "status": 401,
}
_NOT_FOUND = {"detail": "The requested resource could not be found.", "status": 404}
_INVALID = {
    "title": "Input validation failed",
    "detail": "- input.prompt is required\n",
    "status": 422,
    "invalid_fields": [
        {"type": "required", "field": "input.prompt", "description": "prompt is required"}
    ],
}
_POOR = {
    "title": "Insufficient credit",
    "detail": "You have insufficient credit to run this model.",
    "status": 402,
}
_REFUSALS: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "422": (422, _INVALID, {}),
    "401": (401, _NOBODY, {}),
    "402": (402, _POOR, {}),
    "403": (403, {"title": "Forbidden", "detail": "You may not run this.", "status": 403}, {}),
    "403_poor": (403, {"title": "Forbidden", "detail": "Set up billing first."}, {}),
    "404": (404, _NOT_FOUND, {}),
    "422_wordy": (
        422,
        {
            "title": "t" * 2**20,
            "detail": "d" * 2**20,
            "invalid_fields": [{"field": f"input.{'f' * 2**10}", "description": "no"}] * 2_000,
        },
        {},
    ),
    "402_wordy": (402, {"title": "t" * 2**20, "detail": "d" * 2**20}, {}),
    "429_plain": (429, {"detail": "Request was throttled. Your rate limit resets in ~30s."}, {}),
    "redirect": (307, {}, {"Location": "http://127.0.0.1:1/elsewhere"}),
}


def create_app() -> ASGIApp:
    """A Replicate that nobody used yet."""
    account_store, predictions = (
        AccountStore(partial(Account, Plan), bearer, (401, _NOBODY)),
        Predictions(),
    )
    app = Starlette(
        routes=[
            Mount("/v1", routes=Api(account_store, predictions).routes()),
            Mount("/delivery", routes=Delivery(predictions).routes()),
            Mount("/emulator", routes=account_store.routes()),
        ],
        exception_handlers={Refusal: send_refusal},
    )
    return Cutting(app)


class Predictions:
    """All predictions, of all accounts."""

    def __init__(self) -> None:
        self._all: list[tuple[Account[Plan], Prediction]] = []

    def put(self, account: Account[Plan], prediction: Prediction) -> None:
        self._all.append((account, prediction))

    def of(self, account: Account[Plan]) -> list[Prediction]:
        """Newest first."""
        return [each for owner, each in reversed(self._all) if owner is account]

    def find(self, name: str) -> Prediction | None:
        return next((each for _, each in self._all if each.id == name), None)


class Api:
    """`/v1`."""

    def __init__(
        self, account_store: AccountStore[Account[Plan]], predictions: Predictions
    ) -> None:
        self._account_store = account_store
        self._predictions = predictions

    def routes(self) -> list[Route]:
        return [
            Route("/models/{owner}/{name}/predictions", self.create, methods=["POST"]),
            Route("/predictions", self.create, methods=["POST"]),
            Route("/predictions", self.listed),
            Route("/predictions/{id}", self.get),
            Route("/predictions/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/files", self.upload, methods=["POST"]),
        ]

    async def create(self, http: Request) -> Response:
        account, body = self._account_store.account(http), await http.json()
        plan = account.plan_for(body["input"].get("prompt", ""))
        account.posts += 1
        if plan.refusals:
            return _refuse(plan.refusals.pop(0), plan.retry_after)
        prediction = _prediction(http, body, plan)
        self._predictions.put(account, prediction)
        account.accepted.append(
            {"id": prediction.id, "prompt": body["input"].get("prompt"), "body": body}
            | {"path": http.url.path, "headers": dict(http.headers)}
        )
        shown = prediction.shown(_here(http), prediction.created_at) | {"status": "starting"}
        if plan.loss:
            loss, plan.loss = plan.loss, None
            if loss == "nameless":
                return JSONResponse({name: shown[name] for name in shown if name != "id"}, 201)
            return await lose(http, loss, shown)
        return JSONResponse(shown, 201)

    async def listed(self, http: Request) -> Response:
        """Newest first, a hundred at once."""
        account, query = self._account_store.account(http), http.query_params
        shown = [
            each.shown(_here(http), time.time())
            for each in self._predictions.of(account)
            if each.plan.is_listed
        ]
        if since := query.get("created_after"):
            shown = [each for each in shown if each["created_at"] >= since.replace("+00:00", "Z")]
        begin = int(query.get("cursor", 0))
        more = len(shown) > begin + _PAGE
        following = f"{_here(http)}/v1/predictions?cursor={begin + _PAGE}" if more else None
        results = shown[begin : begin + _PAGE]
        return JSONResponse({"previous": None, "next": following, "results": results})

    async def get(self, http: Request) -> Response:
        prediction = self._mine(http)
        if prediction.plan.statuses:
            kind = prediction.plan.statuses.pop(0)
            if kind == "strange":
                return JSONResponse({"id": prediction.id, "status": "sleeping"})
            if kind == "garbage":
                return Response("<html>welcome</html>", media_type="text/html")
            return await trouble(http, kind)
        return JSONResponse(prediction.shown(_here(http), time.time()))

    async def cancel(self, http: Request) -> Response:
        prediction, at = self._mine(http), time.time()
        prediction.stop(at)
        return JSONResponse(prediction.shown(_here(http), at))

    async def upload(self, http: Request) -> Response:
        account = self._account_store.account(http)
        if account.busy:
            account.busy -= 1
            return JSONResponse({"detail": "Service unavailable"}, 503)
        [file] = parts_of(http.headers["Content-Type"], await http.body())
        assert file.name == "content"
        name = uuid4().hex
        urls = {"get": f"{_here(http)}/v1/files/{name}"}
        expires = datetime.now(UTC) + timedelta(days=1)
        file_info = {"id": name, "size": len(file.content), "urls": urls}
        return JSONResponse(file_info | {"expires_at": expires.isoformat()}, 201)

    def _mine(self, http: Request) -> Prediction:
        account, name = self._account_store.account(http), http.path_params["id"]
        prediction = next((each for each in self._predictions.of(account) if each.id == name), None)
        if prediction is None:
            raise Refusal(404, _NOT_FOUND)
        return prediction


class Delivery:
    """`/delivery`: what models made; whoever knows the address may have it."""

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        self._downloads: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        return [Route("/{id}/{file}", self.file)]

    async def file(self, http: Request) -> Response:
        prediction = self._predictions.find(http.path_params["id"])
        if prediction is None or "Authorization" in http.headers:
            return JSONResponse(_NOT_FOUND, 404)
        match prediction.plan.media:
            case "wrong_type":
                return Response("<!doctype html><script>1</script>", media_type="image/png")
            case "huge":
                headers = {"Content-Length": str(5 * 10**9)}
                return StreamingResponse(_begin(), headers=headers, media_type="image/png")
            case "flaky" if self._downloads[prediction.id] < _FLAKY:
                self._downloads[prediction.id] += 1
                return Response("try later", 503)
        return Response(picture(http.path_params["file"]), media_type="image/png")


async def _begin() -> Any:
    yield b"\x89PNG\r\n\x1a\n"
    await asyncio.sleep(30)


def _prediction(http: Request, body: dict[str, Any], plan: Plan) -> Prediction:
    where = http.path_params
    model = f"{where['owner']}/{where['name']}" if where else "somebody/something"
    return Prediction(model, body.get("version", "hidden"), body["input"], plan)


def _refuse(refusal: str, retry_after: str | None) -> Response:
    if refusal == "429":
        headers = {"Retry-After": retry_after} if retry_after else {}
        return JSONResponse({"detail": "Request was throttled.", "status": 429}, 429, headers)
    status, body, headers = _REFUSALS[refusal]
    return JSONResponse(body, status, headers)


def _here(http: Request) -> str:
    return f"{http.url.scheme}://{http.url.netloc}"
