"""`/queue`: submit, status, result, cancel; and `/run`, which is all of it at once."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.emulation.faults import lose, trouble
from tests.support.fal.account_store import FalAccountStore
from tests.support.fal.accounts import FalAccountState, FalRequest
from tests.support.fal.oddities import odd
from tests.support.fal.plans import Plan
from tests.support.fal.refusals import refuse
from tests.support.fal.results import NO_FILE, result_of
from tests.support.fal.webhooks import Signer, call_back

_NOT_FOUND = {"status": "NOT_FOUND"}


class Queue:
    """fal's queue."""

    def __init__(self, account_store: FalAccountStore, signer: Signer) -> None:
        self._account_store = account_store
        self._signer = signer
        self._calls: set[asyncio.Task[None]] = set()

    def routes(self) -> list[Route]:
        one = "/{owner}/{alias}/requests/{id}"
        return [
            Route(f"{one}/status", self.status),
            Route(f"{one}/status/stream", self.stream),
            Route(f"{one}/cancel", self.cancel, methods=["PUT"]),
            Route(f"{one}/response", self.result),
            Route(one, self.result),
            Route("/{endpoint:path}", self.submit, methods=["POST"]),
        ]

    async def submit(self, http: Request) -> Response:
        account, body = self._account_store.account(http), await http.json()
        plan = account.plan_for(body.get("prompt", ""))
        account.posts += 1
        if plan.refusals:
            return refuse(plan.refusals.pop(0), plan.retry_after)
        request = self._accept(http, account, body, plan)
        if request.webhook and account.calls_back:
            self._promise(http, account, request)
        accepted = {
            **_addresses(http, request),
            "status": "IN_QUEUE",
            "gateway_request_id": request.id,
            "queue_position": 0,
        }
        if name := plan.oddity("submit"):
            return odd(name, accepted)
        if plan.loss:
            loss, plan.loss = plan.loss, None
            return await lose(http, loss, accepted)
        return JSONResponse(accepted, headers={"X-Fal-Request-Id": request.id})

    def _accept(
        self, http: Request, account: FalAccountState, body: dict[str, Any], plan: Plan
    ) -> FalRequest:
        request = FalRequest(
            endpoint=http.path_params["endpoint"],
            body=body,
            headers=dict(http.headers),
            webhook=http.query_params.get("fal_webhook"),
            plan=plan,
        )
        account.accept(request)
        return request

    async def status(self, http: Request) -> Response:
        account, request = self._find(http)
        if request is None:
            return JSONResponse(_NOT_FOUND, 404)
        if request.plan.statuses:
            return await trouble(http, request.plan.statuses.pop(0))
        status = _status(http, account, request)
        if name := request.plan.oddity("status"):
            return odd(name, status)
        return JSONResponse(status, 200 if status["status"] == "COMPLETED" else 202)

    async def stream(self, http: Request) -> Response:
        account, request = self._find(http)
        if request is None:
            return JSONResponse(_NOT_FOUND, 404)

        async def events() -> Any:
            while True:
                status = _status(http, account, request)
                yield b"data: " + JSONResponse(status).body + b"\n\n"
                if status["status"] == "COMPLETED":
                    return
                await asyncio.sleep(0.02)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def result(self, http: Request) -> Response:
        _, request = self._find(http)
        if request is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        if request.plan.results:
            return await trouble(http, request.plan.results.pop(0))
        if request.stage(time.time()) != "COMPLETED":
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        return self._respond(http, request)

    def _respond(self, http: Request, request: FalRequest) -> Response:
        if name := request.plan.oddity("result"):
            return odd(name, {"images": [], "seed": 42})
        is_missing = self._account_store.is_missing(http, request.body)
        result = NO_FILE if is_missing else result_of(request, self._account_store.media(http))
        headers = {"X-Fal-Request-Id": request.id, **result.headers}
        if isinstance(result.body, bytes):
            return Response(result.body, result.status, headers, "application/json")
        return JSONResponse(result.body, result.status, headers)

    async def run(self, http: Request) -> Response:
        """`/run`: accepted, rendered and answered in one; paid whether or not the response arrives."""
        account, body = self._account_store.account(http), await http.json()
        request = self._accept(http, account, body, account.plan_for(body.get("prompt", "")))
        while (now := time.time()) < request.ends_at:
            await asyncio.sleep(min(0.05, request.ends_at - now))
            account.schedule(time.time())
        return self._respond(http, request)

    async def cancel(self, http: Request) -> Response:
        account, request = self._find(http)
        now = time.time()
        if request is None:
            return JSONResponse(_NOT_FOUND, 404)
        if request.plan.cancels:
            return await trouble(http, request.plan.cancels.pop(0))
        if request.stage(now) == "COMPLETED":
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        request.stop(now)
        account.schedule(now)
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    def _find(self, http: Request) -> tuple[FalAccountState, FalRequest | None]:
        account, where = self._account_store.account(http), http.path_params
        app, now = f"{where['owner']}/{where['alias']}", time.time()
        account.schedule(now)
        return account, account.find(where["id"], app, now)

    def _promise(self, http: Request, account: FalAccountState, request: FalRequest) -> None:
        call = call_back(account, request, self._account_store.media(http), self._signer)
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


def _status(http: Request, account: FalAccountState, request: FalRequest) -> dict[str, Any]:
    now = time.time()
    status: dict[str, Any] = {"status": request.stage(now), **_addresses(http, request)}
    if status["status"] == "IN_QUEUE":
        return status | {"queue_position": account.position(request, now)}
    wants_logs = http.query_params.get("logs", "").lower() in ("1", "true")
    status["logs"] = request.log(now) if wants_logs else None
    if status["status"] == "COMPLETED":
        status["metrics"] = {"inference_time": request.plan.seconds}
        result = result_of(request, "")
        if isinstance(result.body, dict) and "error_type" in result.body:
            status |= {"error": result.body["detail"], "error_type": result.body["error_type"]}
    return status


def _addresses(http: Request, request: FalRequest) -> dict[str, str]:
    here = f"{http.base_url}{request.app}/requests/{request.id}"
    return {
        "request_id": request.id,
        "response_url": here,
        "status_url": f"{here}/status",
        "cancel_url": f"{here}/cancel",
    }
